// The official MI selection: the whole guided run with its noises, step by step, the weights, scores and the choice.

import * as v from 'valibot';
import { createScheduler } from '../../../src/diffusion/createScheduler.ts';
import { guideAndMeasure } from '../../../src/diffusion/guidance.ts';
import { type StepRecord, sample } from '../../../src/diffusion/sample.ts';
import { parseSchedulerFile, resolveScheduler } from '../../../src/diffusion/schedulerConfig.ts';
import { kappa } from '../../../src/mi/kappa.ts';
import { scoreTrace } from '../../../src/mi/score.ts';
import { selectCandidates } from '../../../src/mi/select.ts';
import { toByte } from '../../../src/models/vae/pixels.ts';
import { decode } from '../../../src/models/vae/run.ts';
import { scope, type Tensor3D, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import { loadUnet, loadVae } from '../models.ts';
import type { OracleFiles } from '../oracle.ts';
import { type Report, tolerancesOf } from '../report.ts';
import { readTokens, shapeOf, takeImage } from '../tensors.ts';

const schema = v.looseObject({
  unet: v.string(),
  vae: v.optional(v.string()),
  io: v.string(),
  steps: v.number(),
  num_images: v.number(),
  guidance_scale: v.number(),
  timesteps: v.array(v.number()),
  retained_timesteps: v.array(v.number()),
  mi_official: v.array(v.number()),
  mi_paper_eq2: v.optional(v.array(v.number())),
  argmax: v.number(),
  argmax_paper_eq2: v.optional(v.number()),
  weights_official: v.array(v.number()),
  weights_paper_eq2: v.optional(v.array(v.number())),
  scheduler_config: v.unknown(),
});
const filesSchema = v.looseObject({ config: v.string(), weights: v.string() });

/** The official code keeps steps with t strictly above this. */
const OFFICIAL_TRUNCATION = 50;

export async function runMi(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const asked = v.parse(schema, entry);
  const tolerance = tolerancesOf(entry, ['weights_rtol', 'sq_dist_rtol', 'mi_rtol']);
  const file = await io.safetensors(asked.io);
  const { model: unet, dispose } = await loadUnet(io, v.parse(filesSchema, io.caseNamed(asked.unet)));
  const scheduler = createScheduler(
    resolveScheduler(parseSchedulerFile(asked.scheduler_config), 'ddpm'),
    asked.steps,
  );
  report.equal('grid', 'timesteps', scheduler.timesteps, asked.timesteps);

  const stepNoise = await readSteps(file, 'step_noise');
  const initial = await readStep(file, 'initial_latents');
  const contexts = await Promise.all(
    ['negative_prompt_embeds', 'prompt_embeds'].map(async (name) =>
      repeat(await readTokens(file, name), asked.num_images),
    ),
  );
  const after: Tensor4D[] = [];
  const run = await sample({
    denoiser: { unet, adapter: null },
    scheduler,
    contexts,
    noise: (draw) => (draw === 0 ? initial : (stepNoise[draw - 1] as Tensor4D)).clone(),
    combine: guideAndMeasure(asked.guidance_scale),
    onStep: ({ next }: StepRecord) => after.push(next.clone()),
  });
  const expectedAfter = await file.readF32('latents_after_step');
  const perStep = expectedAfter.length / asked.steps;
  for (const [i, latents] of after.entries()) {
    const expected = expectedAfter.subarray(i * perStep, (i + 1) * perStep);
    const largest = expected.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
    report.close('run', `latents after step ${i}`, await takeImage(latents), expected, {
      atol: 2e-5 * largest,
    });
  }
  const differences = run.squaredDifference as number[][];
  const bySteps = asked.timesteps.flatMap((_, i) => differences.map((trace) => trace[i] as number));
  report.close('run', 'sq_dist', bySteps, await file.readF32('sq_dist'), { rtol: tolerance.sq_dist_rtol });

  const traces = differences.map((trace) =>
    trace.map((squaredDifference, i) => ({ t: asked.timesteps[i] as number, squaredDifference })),
  );
  for (const [name, variant, scores, argmax, weights] of [
    ['official', 'code', asked.mi_official, asked.argmax, asked.weights_official],
    ['eq2', 'eq2', asked.mi_paper_eq2, asked.argmax_paper_eq2, asked.weights_paper_eq2],
  ] as const) {
    const { schedule } = scheduler;
    if (weights !== undefined) {
      report.close(
        name,
        'weights',
        asked.timesteps.map((t) => kappa(schedule, t, variant)),
        weights,
        { rtol: tolerance.weights_rtol },
      );
    }
    if (scores === undefined) continue;
    const found = traces.map((trace) =>
      scoreTrace(schedule, trace, { weights: variant, truncation: OFFICIAL_TRUNCATION }),
    );
    report.close(name, 'mi', found, scores, { rtol: tolerance.mi_rtol });
    const pool = found.map((score, candidate) => ({ promptIndex: 0, candidate, score }));
    report.equal(name, 'argmax', selectCandidates(pool, { keep: 1 }).selected[0]?.candidate, argmax);
  }
  const kept = asked.timesteps.filter((t) => t > OFFICIAL_TRUNCATION);
  report.equal('grid', 'retained timesteps', kept, asked.retained_timesteps);
  if (asked.vae !== undefined) await checkImage(asked.vae, file, io, report);
  for (const tensor of [initial, run.latents, ...contexts, ...stepNoise]) tensor.dispose();
  dispose();
}

/** The chosen latent's picture, in [0, 1] as the official pipeline returns it. */
async function checkImage(
  vaeName: string,
  file: Awaited<ReturnType<OracleFiles['safetensors']>>,
  io: OracleFiles,
  report: Report,
): Promise<void> {
  const entry = io.caseNamed(vaeName);
  const { model: vae, dispose } = await loadVae(io, v.parse(filesSchema, entry));
  const latents = await readStep(file, 'best_latents');
  const unscaled = tf.div(latents, vae.config.scalingFactor) as Tensor4D;
  const decoded = decode(vae, unscaled);
  const image = scope(() => tf.clipByValue(tf.add(tf.div(decoded, 2), 0.5), 0, 1) as Tensor4D);
  const expected = await file.readF32('best_image_0_1');
  report.close('image', 'decoded', await takeImage(image), expected, tolerancesOf(entry, ['atol'], ['rtol']));
  const bytes = Array.from(await takeImage(decoded), toByte);
  report.close(
    'image',
    'bytes',
    bytes,
    expected.map((x) => x * 255),
    { atol: 1 },
  );
  for (const tensor of [latents, unscaled]) tensor.dispose();
  dispose();
}

type File = Awaited<ReturnType<OracleFiles['safetensors']>>;

/** An NCHW tensor of the file as NHWC. */
async function readStep(file: File, name: string): Promise<Tensor4D> {
  const shape = shapeOf(file, name) as [number, number, number, number];
  const data = await file.readF32(name);
  return tf.tidy(() => tf.transpose(tf.tensor4d(data, shape), [0, 2, 3, 1]));
}

/** A [steps, N, C, H, W] tensor of the file as one NHWC tensor per step. */
async function readSteps(file: File, name: string): Promise<Tensor4D[]> {
  const [steps, n, c, h, w] = shapeOf(file, name) as [number, number, number, number, number];
  const data = await file.readF32(name);
  const size = n * c * h * w;
  return Array.from({ length: steps }, (_, i) =>
    tf.tidy(() =>
      tf.transpose(tf.tensor4d(data.subarray(i * size, (i + 1) * size), [n, c, h, w]), [0, 2, 3, 1]),
    ),
  );
}

function repeat(context: Tensor3D, count: number): Tensor3D {
  const tiled = tf.tile(context, [count, 1, 1]);
  context.dispose();
  return tiled;
}
