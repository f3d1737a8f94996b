import { mean, standardError } from '../lib/stats.ts';

/** What a validation measured, per noise draw and over the same draws every time. */
type Validation = {
  /** Mean squared noise-prediction error per element, one value per draw. */
  readonly errors: readonly number[];
  /** Re-noised orthogonal estimate. */
  readonly mi: number;
};

/**
 * Whether `now` beats `best`. The lower error on held-out images wins; where the paired difference over the common
 * draws is within its own standard error, the higher MI does.
 */
export function isBetter(now: Validation, best: Validation | null): boolean {
  if (best === null) return true;
  const falls = best.errors.map((error, i) => error - (now.errors[i] as number));
  const fall = mean(falls);
  const uncertain = falls.length > 1 && Math.abs(fall) <= standardError(falls);
  return uncertain ? now.mi > best.mi : fall > 0;
}
