// The built-in model: what one network evaluation takes, what MI adds to sampling, and what a training step takes.

import { adapterParameters, initAdapter } from '../../../src/adapters/adapter.ts';
import { unetAdapterTargets } from '../../../src/adapters/targets.ts';
import { denoise } from '../../../src/diffusion/denoise.ts';
import { type Combine, guideAndMeasure } from '../../../src/diffusion/guidance.ts';
import { sample, seededNoise } from '../../../src/diffusion/sample.ts';
import { tensorSpace } from '../../../src/diffusion/tensorSpace.ts';
import {
  embedPrompt,
  openSession,
  repeatRows,
  type Session,
  sessionScheduler,
} from '../../../src/methods/session.ts';
import { urlFolder } from '../../../src/models/folder.ts';
import { loadModel } from '../../../src/models/load.ts';
import { countLaunches } from '../../../src/tensor/counters.ts';
import { type Tensor3D, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import { predictionLoss } from '../../../src/training/loss.ts';
import { startOptimizer } from '../../../src/training/optimizer.ts';
import { type TrainState, trainStep } from '../../../src/training/trainStep.ts';
import type { Bench } from '../bench.ts';

const CANDIDATES = 8;
const STEPS = 4;
const GUIDANCE = 4;
const PROMPT = 'a red circle and a blue square';

export async function run(bench: Bench): Promise<void> {
  const model = await loadModel(urlFolder(new URL('/models/shapes/', location.href).href), { format: 'f32' });
  const session = openSession(model);
  const contexts = ['', PROMPT].map((text) => repeatRows(embedPrompt(session, text), CANDIDATES));
  await evaluation(bench, session, contexts);
  await overhead(bench, session, contexts);
  await training(bench, session, contexts[1] as Tensor3D);
  for (const context of contexts) context.dispose();
  model.dispose();
}

/** One sample with one context once through the UNet, in the batch that sampling uses. */
async function evaluation(bench: Bench, session: Session, contexts: readonly Tensor3D[]): Promise<void> {
  const zt = seededNoise(seeds(), session.latentShape)(0);
  const evaluate = async (): Promise<void> => {
    const outputs = denoise({ unet: session.model.unet, adapter: null }, zt, 501, contexts);
    await outputs.data();
    outputs.dispose();
  };
  await bench.time(`one network evaluation, in batches of ${2 * CANDIDATES}`, evaluate, {
    callsPerRun: 2 * CANDIDATES,
    repeats: 5,
  });
  zt.dispose();
}

/** Sampling with the MI tap against the same sampling without it. */
async function overhead(bench: Bench, session: Session, contexts: readonly Tensor3D[]): Promise<void> {
  const scheduler = sessionScheduler(session, 'ddpm', STEPS);
  const draw = (combine: Combine) => async (): Promise<void> => {
    const noise = seededNoise(seeds(), session.latentShape);
    const run = await sample({
      denoiser: { unet: session.model.unet, adapter: null },
      scheduler,
      contexts,
      noise,
      combine,
    });
    await run.latents.data();
    run.latents.dispose();
  };
  const variants = { 'without MI': draw(guideOnly(GUIDANCE)), 'with MI': draw(guideAndMeasure(GUIDANCE)) };
  const title = `sampling, ${CANDIDATES} candidates, ${STEPS} steps`;
  for (const [name, work] of Object.entries(variants)) {
    const { count } = await countLaunches(work);
    if (bench.backend.name !== 'webgpu') continue;
    await bench.value(`${title}: cost`, `${name}: dispatches`, count.dispatches, '');
    await bench.value(`${title}: cost`, `${name}: bytes bound`, count.boundBytes, 'B');
  }
  await bench.compare(title, variants, { repeats: 7, warmUps: 1 });
}

/** Guidance and nothing else. */
function guideOnly(guidance: number): Combine {
  return ({ outputs }) => {
    const [epsUncond, epsCond] = tf.split(outputs, 2) as [Tensor4D, Tensor4D];
    return {
      output: tensorSpace.combine([
        [1 - guidance, epsUncond],
        [guidance, epsCond],
      ]),
      squaredDifference: null,
    };
  };
}

/** One optimizer step of the demo: DoRA of rank 16 on all attention layers. */
async function training(bench: Bench, session: Session, context: Tensor3D): Promise<void> {
  const noise = seededNoise(seeds(), session.latentShape);
  const latents = noise(0);
  const target = noise(1);
  const adapter = initAdapter('dora', 16, unetAdapterTargets(session.model.unet), 1);
  let state: TrainState = {
    adapter,
    optimizer: startOptimizer(adapterParameters(adapter).map((p) => p.tensor)),
  };
  const t = seeds().map((_, i) => 100 * i + 50);
  const batch = { latents, noise: target, t, tokens: [], context };
  const { schedule, prediction, model } = session;
  const common = { unet: model.unet, text: model.text, schedule, prediction, loss: predictionLoss } as const;
  const options = {
    batch: CANDIDATES,
    accumulation: 1,
    learningRate: 1e-4,
    warmup: 0,
    clip: 1,
    weightDecay: 0.01,
    flushAtEpochEnd: false,
  };
  const step = (mode: 'whole' | 'byStage') => async (): Promise<void> => {
    const result = await trainStep({ ...common, withReference: false, mode }, state, [batch], options);
    state = result.state;
  };
  await bench.compare(
    `one training sample, DoRA rank 16, batches of ${CANDIDATES}`,
    { 'one tape': step('whole'), 'stage by stage': step('byStage') },
    { repeats: 3, warmUps: 1, callsPerRun: CANDIDATES },
  );
  for (const tensor of [latents, target]) tensor.dispose();
}

function seeds(): readonly number[] {
  return Array.from({ length: CANDIDATES }, (_, i) => i + 1);
}
