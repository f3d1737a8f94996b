// The built-in model: what one network evaluation takes, what MI adds to sampling, and what a training step takes.

import { adapterParameters, initAdapter } from '../../../src/adapters/adapter.ts';
import { unetAdapterTargets } from '../../../src/adapters/targets.ts';
import { denoise, preparePath } from '../../../src/diffusion/denoise.ts';
import { type Combine, guideAndMeasure } from '../../../src/diffusion/guidance.ts';
import { sample, seededNoise } from '../../../src/diffusion/sample.ts';
import { tensorSpace } from '../../../src/diffusion/tensorSpace.ts';
import { urlFolder } from '../../../src/models/folder.ts';
import { loadModel } from '../../../src/models/load.ts';
import {
  embedPrompt,
  openSession,
  repeatRows,
  type Session,
  sessionScheduler,
} from '../../../src/procedures/session.ts';
import { scope, type Tensor3D, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import { countLaunches } from '../../../src/tensor/webgpu/counters.ts';
import { predictionLoss } from '../../../src/training/objectives.ts';
import { startOptimizer } from '../../../src/training/optimizer.ts';
import { type TrainState, trainStep } from '../../../src/training/trainStep.ts';
import type { Bench } from '../bench.ts';

/** Software GPUs are a hundred times slower: there a small batch has to do. Batches of evaluations are of pairs. */
const SIZES = {
  wasm: { candidates: 8, steps: 4, repeats: 7, pairs: [8] },
  gpu: { candidates: 8, steps: 4, repeats: 7, pairs: [1, 4, 32] },
  software: { candidates: 2, steps: 2, repeats: 3, pairs: [2] },
} as const;
type Sizes = (typeof SIZES)[keyof typeof SIZES];
const GUIDANCE = 4;
const PROMPT = 'a red circle and a blue square';

export async function run(bench: Bench): Promise<void> {
  const model = await loadModel(urlFolder(new URL('/models/shapes/', location.href).href), { format: 'f32' });
  const session = openSession(model);
  const { name, adapter } = bench.backend;
  const sizes = SIZES[name === 'wasm' ? name : adapter?.software ? 'software' : 'gpu'];
  const contexts = ['', PROMPT].map((text) => repeatRows(embedPrompt(session, text), sizes.candidates));
  for (const pairs of sizes.pairs) await evaluation(bench, session, { pairs, repeats: sizes.repeats });
  await overhead(bench, session, contexts, sizes);
  await tapCost(bench, session, sizes);
  await training(bench, session, contexts[1] as Tensor3D, sizes);
  for (const context of contexts) context.dispose();
  model.dispose();
}

/** One sample with one context once through the UNet: computed for itself, and as a step of a path. */
async function evaluation(
  bench: Bench,
  session: Session,
  { pairs, repeats }: { readonly pairs: number; readonly repeats: number },
): Promise<void> {
  const zt = seededNoise(seeds(pairs), session.latentShape)(0);
  const contexts = ['', PROMPT].map((text) => repeatRows(embedPrompt(session, text), pairs));
  const denoiser = { unet: session.model.unet, adapter: null };
  const path = preparePath(denoiser, { timesteps: [501], shape: zt.shape }, contexts);
  await path?.compile();
  const done = (compute: () => Tensor4D | undefined) => async (): Promise<void> => {
    const outputs = compute();
    await outputs?.data();
    outputs?.dispose();
  };
  await bench.compare(
    `one network evaluation, in batches of ${2 * pairs}`,
    {
      'for itself': done(() => denoise(denoiser, zt, 501, contexts)),
      'in a path': done(() => path?.step(zt, 0)),
    },
    { callsPerRun: 2 * pairs, repeats },
  );
  path?.dispose();
  tf.dispose([zt, ...contexts]);
}

/** Sampling with the MI tap against the same sampling without it. */
async function overhead(
  bench: Bench,
  session: Session,
  contexts: readonly Tensor3D[],
  { candidates, steps, repeats }: Sizes,
): Promise<void> {
  const scheduler = sessionScheduler(session, 'ddpm', steps);
  const draw = (combine: Combine) => async (): Promise<void> => {
    const noise = seededNoise(seeds(candidates), session.latentShape);
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
  const title = `sampling, ${candidates} candidates, ${steps} steps`;
  for (const [name, work] of Object.entries(variants)) {
    const { count } = await countLaunches(work);
    if (bench.backend.name !== 'webgpu') continue;
    await bench.value(`${title}: cost`, `${name}: dispatches`, count.dispatches, '');
    await bench.value(`${title}: cost`, `${name}: bytes bound`, count.boundBytes, 'B');
  }
  await bench.compare(title, variants, { repeats, warmUps: 1 });
}

/**
 * The tap alone, since its share of a step is far below the noise of whole runs: guidance with and without it on the
 * same outputs.
 */
async function tapCost(bench: Bench, session: Session, { candidates }: Sizes): Promise<void> {
  const outputs = seededNoise(seeds(2 * candidates), session.latentShape)(0);
  const calls = 200;
  const repeat = (combine: Combine) => async (): Promise<void> => {
    for (let i = 0; i < calls; i++) {
      const { output, squaredDifference } = scope(() => combine({ outputs, zt: outputs, t: 501, i }));
      if (i === calls - 1) await (squaredDifference ?? output).data();
      output.dispose();
      squaredDifference?.dispose();
    }
  };
  const variants = {
    'without MI': repeat(guideOnly(GUIDANCE)),
    'with MI': repeat(guideAndMeasure(GUIDANCE)),
  };
  await bench.compare(`guidance of one step, ${candidates} candidates`, variants, { callsPerRun: calls });
  outputs.dispose();
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
async function training(
  bench: Bench,
  session: Session,
  context: Tensor3D,
  { candidates }: Sizes,
): Promise<void> {
  const noise = seededNoise(seeds(candidates), session.latentShape);
  const latents = noise(0);
  const target = noise(1);
  const adapter = initAdapter('dora', 16, unetAdapterTargets(session.model.unet), 1);
  let state: TrainState = {
    adapter,
    optimizer: startOptimizer(adapterParameters(adapter).map((p) => p.tensor)),
  };
  const t = seeds(candidates).map((_, i) => 100 * i + 50);
  const batch = { latents, noise: target, t, tokens: [], context };
  const { schedule, prediction, model } = session;
  const common = { unet: model.unet, text: model.text, schedule, prediction, loss: predictionLoss } as const;
  const options = {
    batch: candidates,
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
    `one training sample, DoRA rank 16, batches of ${candidates}`,
    { 'one tape': step('whole'), 'stage by stage': step('byStage') },
    { repeats: 3, warmUps: 1, callsPerRun: candidates },
  );
  for (const tensor of [latents, target]) tensor.dispose();
}

function seeds(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}
