/**
 * MI of a candidate computed once more, on another backend than the one that drew it. Two compilers, two memories and two
 * orders of summation that agree are evidence that neither is wrong; kernels are held against references only on small
 * cases, and memory can fail at any time.
 */
import type { Recheck } from '../contract/protocol.ts';
import type { DrawOptions } from './drawJob.ts';
import { drawPool } from './drawPool.ts';
import type { Session } from './session.ts';

/**
 * Largest difference of a term that rounding explains, relative to the larger of the two, or to a thousandth of the
 * largest term of the path where both are smaller: in a term near 0 the predictions cancel.
 *
 * Rounding alone gives up to 4e-5 over the first twenty steps and 4e-4 over fifty (three candidates of the built-in model,
 * wasm beside webgpu, both float32): what a step rounds goes into the latent of the next. Large models have their weights
 * in half precision on a GPU and in float32 on wasm, 5e-4 apart in each weight, and the difference of two predictions
 * is smaller than either, which multiplies that. Wrong numbers are off by whole factors.
 */
const RECHECK_TOLERANCE = 0.05;
const SMALL_TERM = 1e-3;

type RecheckTask = {
  readonly text: string;
  readonly seed: number;
  /** ||epsCond - epsUncond||^2 at every timestep, as it was measured when the candidate was drawn. */
  readonly squaredDifference: readonly number[];
};

/**
 * Draws the candidate again on the active backend and compares the first terms of its trace.
 * @param steps how many terms; each costs two network evaluations
 * @param now seconds on some steady clock
 */
export async function recheckCandidate(
  session: Session,
  { text, seed, squaredDifference }: RecheckTask,
  options: DrawOptions,
  { steps, now }: { readonly steps: number; readonly now: () => number },
): Promise<Recheck> {
  const from = now();
  const timesteps = options.scheduler.timesteps.slice(0, steps);
  const tasks = [{ prompt: 0, text, candidates: [{ candidate: 0, seed }] }];
  const scheduler = { ...options.scheduler, timesteps };
  let found: readonly number[] = [];
  for await (const [drawn] of drawPool(session, null, tasks, { ...options, scheduler, batch: 1 }))
    found = drawn?.squaredDifference ?? [];
  return { ...largestDifference(timesteps, squaredDifference, found), steps, seconds: now() - from };
}

/** The term that differs most. A term that is missing or no number on one side differs without end. */
function largestDifference(
  timesteps: readonly number[],
  expected: readonly number[],
  found: readonly number[],
): Pick<Recheck, 't' | 'difference' | 'agrees'> {
  const floor = SMALL_TERM * Math.max(...expected.filter(Number.isFinite), 0);
  const differences = timesteps.map((t, i) => {
    const [a, b] = [expected[i] ?? Number.NaN, found[i] ?? Number.NaN];
    const difference = Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b), floor, Number.MIN_VALUE);
    return { t, difference: Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference };
  });
  const worst = differences.reduce((most, one) => (one.difference > most.difference ? one : most), {
    t: timesteps[0] ?? 0,
    difference: 0,
  });
  return { ...worst, agrees: worst.difference <= RECHECK_TOLERANCE };
}
