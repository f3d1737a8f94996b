import type { BackendInfo } from './backend.ts';
import type { GradientMode, PlanSettings } from './loadPlan.ts';

/** Most rows that go through the network together. */
export type RowLimits = {
  /** Candidates, each with and without its prompt. */
  readonly drawRows: number;
  /** Images of one backward pass; larger micro-batches are accumulated. */
  readonly trainRows: number;
};

/** How a model is run in the memory there is. None of it changes what is computed, but for rounding. */
export type ComputePolicy = RowLimits & {
  /** Candidates of a prompt that go through the network together even where a run asks for fewer: what keeps a GPU busy. */
  readonly drawAtLeast: number;
  readonly sweep: GradientMode;
  /** Bands that images are decoded and encoded in; 1 for one piece. */
  readonly decodeBands: number;
  /** Images decoded together: the decoder's activations are many times larger than the latents. */
  readonly decodeImages: number;
  /** Decode every candidate as soon as it is drawn, not only when somebody looks. */
  readonly decodeAtOnce: boolean;
  /** Dispatches after which commands are submitted; null for the default, which is right for small tensors. */
  readonly submitEvery: number | null;
};

/** Dispatches of a submission where one of them may be 50 GFLOP: some tenths of a second on a slow GPU. */
const SUBMIT_EVERY = 4;

/** What is tried where nothing is known to fit: budgets are guesses. */
export const ONE_ROW: RowLimits = { drawRows: 1, trainRows: 1 };

/** Batches go through as they are asked for. */
export const NO_LIMIT: RowLimits = {
  drawRows: Number.POSITIVE_INFINITY,
  trainRows: Number.POSITIVE_INFINITY,
};

/** For models of which everything fits, as the built-in one. */
export const EVERYTHING_FITS: ComputePolicy = {
  ...NO_LIMIT,
  drawAtLeast: 1,
  sweep: 'whole',
  decodeBands: 1,
  decodeImages: 8,
  decodeAtOnce: true,
  submitEvery: null,
};

/** How methods run under the settings of a load plan; the limits hold where not everything fits. */
export function policyOf({ parts, sweep, decodeBands }: PlanSettings, limits: RowLimits): ComputePolicy {
  if (parts === 'resident' && sweep === 'whole' && decodeBands === 1) return EVERYTHING_FITS;
  return {
    ...limits,
    // One row of a large model is enough for a GPU.
    drawAtLeast: 1,
    sweep,
    decodeBands,
    decodeImages: 1,
    decodeAtOnce: parts === 'resident',
    submitEvery: SUBMIT_EVERY,
  };
}

/** Guided pairs of a small network below which a GPU has nothing to do for most of the time. */
const GPU_ROWS = 32;

/** The policy on a device: batches that are asked for are those of a processor, and images do not depend on them. */
export function policyOn(
  policy: ComputePolicy,
  { name, adapter }: Pick<BackendInfo, 'name' | 'adapter'>,
): ComputePolicy {
  const isGpu = name === 'webgpu' && adapter?.software === false;
  return isGpu && policy === EVERYTHING_FITS ? { ...policy, drawAtLeast: GPU_ROWS } : policy;
}

/** Candidates at once, where a run asks for so many. */
export function drawnAtOnce({ drawAtLeast, drawRows }: ComputePolicy, asked: number): number {
  return Math.min(Math.max(asked, drawAtLeast), drawRows);
}
