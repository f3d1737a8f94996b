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
    sweep,
    decodeBands,
    decodeImages: 1,
    decodeAtOnce: parts === 'resident',
    submitEvery: SUBMIT_EVERY,
  };
}
