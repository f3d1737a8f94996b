/**
 * DDPM ancestral sampling (Ho et al. 2020, eq. 6 and 7) on a strided grid: alpha and beta of a step come
 * from the ratio of alphasBar at its two ends, not from the per-timestep tables.
 */
import type { Prediction } from '../../contract/spec.ts';
import type { GaussianKernel } from '../kernel.ts';
import { originalForm } from '../parametrization.ts';

/**
 * `fixedSmall` is the posterior variance beta (1 - alphasBarPrev) / (1 - alphasBar), floored at 1e-20;
 * `fixedLarge` is beta itself.
 */
export type DdpmVariance = 'fixedSmall' | 'fixedLarge';

/** Floor of the posterior variance: the last step has none, but its logarithm must stay finite. */
const MIN_VARIANCE = 1e-20;

/** Kernel from alphasBar at the current timestep to `alphaBarPrev` (1 past the end) at the next lower one. */
export function ddpmKernel(
  prediction: Prediction,
  variance: DdpmVariance,
  { alphaBar, alphaBarPrev }: { readonly alphaBar: number; readonly alphaBarPrev: number },
): GaussianKernel {
  const alpha = alphaBar / alphaBarPrev;
  const beta = 1 - alpha;
  const x0 = originalForm(prediction, alphaBar);
  const fromOriginal = (Math.sqrt(alphaBarPrev) * beta) / (1 - alphaBar);
  const fromSample = (Math.sqrt(alpha) * (1 - alphaBarPrev)) / (1 - alphaBar);
  const posterior = Math.max(((1 - alphaBarPrev) / (1 - alphaBar)) * beta, MIN_VARIANCE);
  return {
    mean: { z: fromOriginal * x0.z + fromSample, output: fromOriginal * x0.output },
    std: Math.sqrt(variance === 'fixedSmall' ? posterior : beta),
  };
}
