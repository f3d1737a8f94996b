// One sampler run of an oracle: a network stand-in is evaluated along the trajectory, as the other program did.

import * as v from 'valibot';
import { createScheduler } from '../../src/diffusion/createScheduler.ts';
import type { Scheduler } from '../../src/diffusion/scheduler.ts';
import { parseSchedulerFile, resolveScheduler } from '../../src/diffusion/schedulerConfig.ts';
import { tensorSpace } from '../../src/diffusion/tensorSpace.ts';
import type { SafetensorsFile } from '../../src/formats/safetensors.ts';
import { type Tensor4D, tf } from '../../src/tensor/tf.ts';
import type { Report, Tolerance } from './report.ts';

export const kindSchema = v.picklist(['ddpm', 'ddim', 'euler', 'pndm', 'dpmpp2m']);
export const spacingSchema = v.picklist(['leading', 'trailing', 'linspace']);

export const runSchema = v.object({
  key: v.string(),
  scheduler: kindSchema,
  timestep_spacing: spacingSchema,
  prediction_type: v.picklist(['epsilon', 'v_prediction']),
  steps: v.number(),
  timesteps: v.array(v.number()),
  init_noise_sigma: v.number(),
  variance_f32: v.optional(v.array(v.number())),
});
type SchedulerRun = v.InferOutput<typeof runSchema>;

type RunContext = {
  /** scheduler_config.json of the run, without what the run itself says. */
  readonly baseConfig: object;
  readonly fakeModel: FakeModel;
  readonly numbers: SafetensorsFile;
  readonly report: Report;
  readonly tolerance: Tolerance;
};

/** Stands in for the network: elementwise, in float32. */
type FakeModel = (x: Float32Array) => Float32Array;

/** A summand of a stand-in's formula: a number times x, sin(x) or cos(x). */
const SUMMAND =
  /^\s*([+-]?)\s*(?:(\d*\.?\d+(?:e[+-]?\d+)?)\s*\*?\s*)?(?:\w+\.)?(sin\(x\)|cos\(x\)|x)(?![\w(])/i;
const FACTORS: Readonly<Record<string, (x: number) => number>> = {
  x: (x) => x,
  'sin(x)': Math.sin,
  'cos(x)': Math.cos,
};

/**
 * Reads a formula such as `0.3*x + 0.1*sin(x)` or `-0.2*cos(x) + x`; text after it is a comment.
 * @throws Error for a formula with anything else in it
 */
export function parseFakeModel(formula: string): FakeModel {
  const terms: { readonly weight: number; readonly factor: (x: number) => number }[] = [];
  let rest = formula;
  for (let match = SUMMAND.exec(rest); match !== null; match = SUMMAND.exec(rest)) {
    const [whole, sign, number = '1', name = ''] = match;
    // From the second summand on a sign joins it to the ones before.
    if (terms.length > 0 && sign === '') break;
    const factor = FACTORS[name.toLowerCase()] as (x: number) => number;
    terms.push({ weight: Math.fround(Number(number)) * (sign === '-' ? -1 : 1), factor });
    rest = rest.slice(whole.length);
  }
  if (terms.length === 0 || /^\s*[-+*/^]/.test(rest)) {
    throw new Error(`The stand-in network "${formula}" is not known.`);
  }
  return (x) =>
    x.map((value) =>
      terms.reduce(
        (sum, { weight, factor }) => Math.fround(sum + Math.fround(weight * Math.fround(factor(value)))),
        0,
      ),
    );
}

/** Samples from the stored start to the end, feeding each result back, and compares every step. */
export async function checkRun(run: SchedulerRun, context: RunContext): Promise<void> {
  const { numbers, report, tolerance } = context;
  const id = run.key;
  const file = parseSchedulerFile({ ...context.baseConfig, prediction_type: run.prediction_type });
  const config = resolveScheduler(file, run.scheduler, { spacing: run.timestep_spacing });
  const scheduler = createScheduler(config, run.steps);
  const { initNoiseSigma } = scheduler;
  report.equal(id, 'timesteps', scheduler.timesteps, run.timesteps);
  report.closeNumber(id, 'init_noise_sigma', initNoiseSigma, run.init_noise_sigma, tolerance);
  checkVariance(scheduler, run, report, tolerance);

  const expected = await numbers.readF32(`${id}.trajectory`);
  const actual = await sample(scheduler, run, context);
  report.close(id, 'trajectory', actual.trajectory, expected, tolerance);
  for (const [name, values] of [
    ['model_output', actual.outputs],
    ['pred_original_sample', actual.originals],
  ] as const) {
    const stored = numbers.entries.has(`${id}.${name}`) ? await numbers.readF32(`${id}.${name}`) : null;
    if (stored) report.close(id, name, values, stored, tolerance);
  }
}

/** Samples along a run, each list flattened in the order of the evaluations. */
async function sample(scheduler: Scheduler, { key }: SchedulerRun, { numbers, fakeModel }: RunContext) {
  const unit = await numbers.readF32('x_unit');
  const noiseName = `${key}.noise`;
  const noises = numbers.entries.has(noiseName) ? await numbers.readF32(noiseName) : null;
  const trajectory: number[] = [];
  const outputs: number[] = [];
  const originals: number[] = [];
  tf.engine().startScope();
  try {
    let state = scheduler.start<Tensor4D>(tensorSpace.combine([[scheduler.initNoiseSigma, latent(unit)]]));
    let z = await read(state.z);
    trajectory.push(...z);
    for (let i = 0; i < scheduler.timesteps.length; i++) {
      const scale = scheduler.scaleModelInput(i);
      // The stand-in runs on the CPU: sin of WGSL is allowed errors larger than the tolerance.
      const output = fakeModel(z.map((value) => Math.fround(value * scale)));
      const outputTensor = latent(output);
      const noise =
        scheduler.noiseDraw(i) === null ? undefined : noises?.subarray(i * z.length, (i + 1) * z.length);
      originals.push(...(await read(scheduler.predictOriginal(tensorSpace, state.z, i, outputTensor))));
      state = scheduler.step(tensorSpace, state, i, {
        output: outputTensor,
        noise: noise ? latent(noise) : null,
      });
      z = await read(state.z);
      trajectory.push(...z);
      outputs.push(...output);
    }
  } finally {
    tf.engine().endScope();
  }
  return { trajectory, outputs, originals };
}

function checkVariance(scheduler: Scheduler, run: SchedulerRun, report: Report, tolerance: Tolerance): void {
  const { kernel } = scheduler;
  if (run.variance_f32 === undefined || kernel === null) return;
  const variances = scheduler.timesteps.map((_, i) => kernel(i).std ** 2);
  report.close(run.key, 'variance', variances, run.variance_f32, tolerance);
}

/** Samplers work element by element, so the layout of the numbers does not matter. */
function latent(values: Float32Array): Tensor4D {
  return tf.tensor4d(values, [1, 1, 1, values.length]);
}

async function read(tensor: Tensor4D): Promise<Float32Array> {
  return (await tensor.data()) as Float32Array;
}
