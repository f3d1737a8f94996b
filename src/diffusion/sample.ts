/**
 * Algorithm 2 of the paper (PointWiseMI): draw candidates and measure, at no extra network evaluation, how far the
 * conditional prediction is from the unconditional one at every step.
 */
import { StudioError } from '../lib/errors.ts';
import { settle } from '../tensor/pace.ts';
import { scope, type Tensor1D, type Tensor3D, type Tensor4D, tf } from '../tensor/tf.ts';
import { type DenoiseOptions, type Denoiser, denoise, type PreparedPath, preparePath } from './denoise.ts';
import type { Combine, Combined } from './guidance.ts';
import { type LatentShape, latentNoise } from './latentNoise.ts';
import { squaredDifferenceScale } from './parametrization.ts';
import { heldVectors, type SamplerState, type Scheduler } from './scheduler.ts';
import { tensorSpace } from './tensorSpace.ts';

/** Where a sampler's noise comes from: the initial latent is draw 0, step noises count from 1. NHWC. */
type NoiseSource = (draw: number) => Tensor4D;

/** What is known after a step; the tensors are the sampler's, do not keep or dispose them. */
export type StepRecord = {
  readonly i: number;
  readonly t: number;
  readonly zt: Tensor4D;
  readonly output: Tensor4D;
  readonly next: Tensor4D;
};

export type SampleRequest = {
  readonly denoiser: Denoiser;
  readonly scheduler: Scheduler;
  /** Unconditional context first, each [N, L, D]. */
  readonly contexts: readonly Tensor3D[];
  readonly noise: NoiseSource;
  readonly combine: Combine;
  /** May replace the latent before a step; returns `zt` itself or a new tensor. */
  readonly beforeStep?: ((zt: Tensor4D, t: number, i: number) => Tensor4D | Promise<Tensor4D>) | undefined;
  /** Sees every step of the trajectory, which policy gradients need. */
  readonly onStep?: ((record: StepRecord) => void) | undefined;
  readonly denoiseOptions?: DenoiseOptions | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** Final latents [N, h, w, c] (scaled space, the caller disposes) and, per sample, the trace over `timesteps`. */
export type Sampled = {
  readonly latents: Tensor4D;
  readonly timesteps: readonly number[];
  /** ||epsCond - epsUncond||^2 in noise units, [sample][step]; null where the rule measured nothing. */
  readonly squaredDifference: readonly (readonly number[])[] | null;
};

/** Images on their way. The tensors are the holder's. */
export type Underway = {
  readonly state: SamplerState<Tensor4D>;
  /** Steps taken. */
  readonly steps: number;
  /** As of `Sampled`, over these steps. */
  readonly squaredDifference: readonly (readonly number[])[] | null;
};

/** Noise of candidates with a seed each, as the CUDA generator would draw it. */
export function seededNoise(seeds: readonly number[], shape: LatentShape): NoiseSource {
  return (draw) => latentNoise(seeds, draw, shape);
}

/**
 * Runs the sampler from noise to latents.
 * @throws as `advance`
 */
export async function sample(request: SampleRequest): Promise<Sampled> {
  const { timesteps } = request.scheduler;
  const { state, squaredDifference } = await advance(request, null, timesteps.length);
  for (const tensor of heldVectors(state)) if (tensor !== state.z) tensor.dispose();
  return { latents: state.z, timesteps, squaredDifference };
}

/**
 * Takes images on until `steps` steps are taken. Nothing is read back before: then every step's measurement is checked.
 * @param from where they are, consumed; null for the beginning
 * @throws DOMException AbortError when `signal` fires, StudioError `sampling-not-finite` naming the first step whose
 * outputs are not numbers; all tensors are freed then
 */
export async function advance(
  request: SampleRequest,
  from: Underway | null,
  steps: number,
): Promise<Underway> {
  const { scheduler, denoiser, contexts, denoiseOptions } = request;
  const first = from?.steps ?? 0;
  const measured: Tensor1D[] = [];
  let state = from?.state ?? initialState(request);
  let path: PreparedPath | null = null;
  try {
    const sizes = { timesteps: scheduler.timesteps, shape: state.z.shape };
    path = preparePath(denoiser, sizes, contexts, denoiseOptions);
    await path?.compile();
    await settle();
    for (let i = first; i < steps; i++) {
      request.signal?.throwIfAborted();
      state = await step(request, path, state, i, measured);
      await settle();
    }
    const found = await readTrace(scheduler, first, measured);
    const before = from?.squaredDifference;
    const squaredDifference =
      before == null
        ? found
        : before.map((row, n) => [...row, ...((found?.[n] as number[] | undefined) ?? [])]);
    return { state, steps, squaredDifference };
  } catch (error) {
    for (const tensor of heldVectors(state)) tensor.dispose();
    throw error;
  } finally {
    for (const tensor of measured) tensor.dispose();
    path?.dispose();
  }
}

/**
 * Some rows of images that have come equally far, in the order asked for; the others stay as they are.
 * @param rows which of `parts`, and which row of it
 */
export function takeRows(
  parts: readonly Underway[],
  rows: readonly (readonly [part: number, row: number])[],
): Underway {
  const [model] = parts as readonly [Underway];
  const pick = (of: (state: SamplerState<Tensor4D>) => Tensor4D): Tensor4D =>
    scope(() =>
      tf.concat(
        rows.map(([part, row]) =>
          tf.slice(of((parts[part] as Underway).state), [row, 0, 0, 0], [1, -1, -1, -1]),
        ),
      ),
    );
  const past = model.state.past.map(({ z }, i) => ({
    z: z === null ? null : pick((state) => state.past[i]?.z as Tensor4D),
    output: pick((state) => state.past[i]?.output as Tensor4D),
  }));
  return {
    state: { z: pick((state) => state.z), past },
    steps: model.steps,
    squaredDifference:
      model.squaredDifference === null
        ? null
        : rows.map(([part, row]) => parts[part]?.squaredDifference?.[row] as readonly number[]),
  };
}

function initialState({ scheduler, noise }: SampleRequest): SamplerState<Tensor4D> {
  const unit = noise(0);
  if (scheduler.initNoiseSigma === 1) return scheduler.start(unit);
  const scaled = tensorSpace.combine([[scheduler.initNoiseSigma, unit]]);
  unit.dispose();
  return scheduler.start(scaled);
}

async function step(
  request: SampleRequest,
  path: PreparedPath | null,
  before: SamplerState<Tensor4D>,
  i: number,
  measured: Tensor1D[],
): Promise<SamplerState<Tensor4D>> {
  const { scheduler } = request;
  const t = scheduler.timesteps[i] as number;
  // Until the step is complete nobody else knows of these.
  const made = new Set<Tensor4D>();
  try {
    const moved = (await request.beforeStep?.(before.z, t, i)) ?? before.z;
    if (moved !== before.z) made.add(moved);
    const state = moved === before.z ? before : { ...before, z: moved };
    const { output, squaredDifference } = scope(() => evaluate(request, path, state.z, i));
    made.add(output);
    if (squaredDifference !== null) measured.push(squaredDifference);
    const draw = scheduler.noiseDraw(i);
    const noise = draw === null ? null : request.noise(draw);
    if (noise !== null) made.add(noise);
    const next = scheduler.step(tensorSpace, state, i, { output, noise });
    made.add(next.z);
    request.onStep?.({ i, t, zt: state.z, output, next: next.z });
    const kept = heldVectors(next);
    for (const tensor of [...heldVectors(before), ...made]) if (!kept.has(tensor)) tensor.dispose();
    return next;
  } catch (error) {
    for (const tensor of made) tensor.dispose();
    throw error;
  }
}

function evaluate(request: SampleRequest, path: PreparedPath | null, zt: Tensor4D, i: number): Combined {
  const { denoiser, scheduler, contexts, denoiseOptions } = request;
  const t = scheduler.timesteps[i] as number;
  const scale = scheduler.scaleModelInput(i);
  const input = scale === 1 ? zt : tensorSpace.combine([[scale, zt]]);
  const outputs = path === null ? denoise(denoiser, input, t, contexts, denoiseOptions) : path.step(input, i);
  return request.combine({ outputs, zt, t, i });
}

/** Of the steps from `from` on. */
async function readTrace(
  scheduler: Scheduler,
  from: number,
  measured: readonly Tensor1D[],
): Promise<number[][] | null> {
  const [first] = measured;
  if (first === undefined) return null;
  const timesteps = scheduler.timesteps.slice(from, from + measured.length);
  const stacked = tf.stack([...measured]); // [steps, N]
  const values = (await stacked.data()) as Float32Array;
  stacked.dispose();
  const count = first.size;
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) throw notFinite(timesteps[Math.floor(wrong / count)] as number);
  const { prediction } = scheduler.config;
  return Array.from({ length: count }, (_, n) =>
    timesteps.map(
      (t, i) => (values[i * count + n] as number) * squaredDifferenceScale(scheduler.schedule, prediction, t),
    ),
  );
}

function notFinite(t: number): StudioError {
  return new StudioError(
    'sampling-not-finite',
    `The network’s outputs at timestep ${t} are no longer numbers.`,
    {
      where: `t = ${t}`,
      remedy: 'Lower the guidance or choose another scheduler; everything drawn before is kept.',
    },
  );
}
