/**
 * From a trace to a score. A trace keeps the unweighted squared differences of every evaluation, so other
 * weights or another truncation never cost a network evaluation.
 */
import type { WeightsName } from '../contract/spec.ts';
import type { NoiseSchedule } from '../diffusion/schedule.ts';
import { StudioError } from '../lib/errors.ts';
import { halfLogSnrSteps, kappa } from './kappa.ts';

/**
 * One evaluation: ||epsCond - epsUncond||^2 summed (not averaged) over the latent's elements, from raw
 * outputs before guidance, in noise units (see `squaredDifferenceScale` for v-prediction).
 */
export type MiTerm = { readonly t: number; readonly squaredDifference: number };

export type ScoreOptions = {
  readonly weights: WeightsName;
  /** Terms with t strictly above this are kept; -1 keeps all. */
  readonly truncation: number;
};

/** Keeps every term. */
export const NO_TRUNCATION = -1;

/**
 * Score of a trace: in nats where the path justifies it (see `estimators.ts`), a ranking otherwise.
 * NaN or infinite if a kept term is, so that selection can refuse it.
 *
 * @throws StudioError `mi-no-terms` if the truncation leaves nothing
 */
export function scoreTrace(schedule: NoiseSchedule, trace: readonly MiTerm[], options: ScoreOptions): number {
  const coefficients = scoreCoefficients(
    schedule,
    trace.map((term) => term.t),
    options,
  );
  let score = 0;
  for (const [i, coefficient] of coefficients.entries()) {
    if (coefficient !== 0) score += coefficient * (trace[i]?.squaredDifference ?? Number.NaN);
  }
  return score;
}

/**
 * The score as a linear function of the terms: what each squared difference is multiplied by, 0 where the
 * truncation drops it.
 *
 * Differs from the integral: dropping terms rescales the mean to the kept ones, as the official code does,
 * except with `dlogsnr` and `none`, which are sums. The first term of `posterior` (t = 0) is always dropped.
 *
 * @param timesteps all visited timesteps, kept or not: `dlogsnr` needs the whole grid
 */
export function scoreCoefficients(
  schedule: NoiseSchedule,
  timesteps: readonly number[],
  { weights, truncation }: ScoreOptions,
): number[] {
  const keeps = (t: number) => t > truncation && (weights !== 'posterior' || t >= 1);
  const kept = timesteps.filter(keeps).length;
  if (kept === 0) {
    throw new StudioError(
      'mi-no-terms',
      `No sampling step lies above t = ${truncation}, so there is no score.`,
      {
        remedy: 'Lower the truncation or take more sampling steps.',
        where: `truncation=${truncation}`,
      },
    );
  }
  const steps = weights === 'dlogsnr' ? halfLogSnrSteps(schedule, timesteps) : [];
  return timesteps.map((t, i) => {
    if (!keeps(t)) return 0;
    if (weights === 'none') return 1;
    if (weights === 'dlogsnr') return steps[i] ?? 0;
    return kappa(schedule, t, weights) / kept;
  });
}
