/** Samplers whose step is a Gaussian around a point that is linear in sample and output: DDPM and DDIM. */
import type { Prediction } from '../../contract/spec.ts';
import type { GaussianKernel } from '../kernel.ts';
import { epsilonForm, type LinearForm, originalForm } from '../parametrization.ts';

/**
 * `fixedSmall` is the posterior variance beta (1 - alphasBarPrev) / (1 - alphasBar), floored at 1e-20;
 * `fixedLarge` is beta itself.
 */
export type DdpmVariance = 'fixedSmall' | 'fixedLarge';

/** Floor of the posterior variance: the last step has none, but its logarithm must stay finite. */
const MIN_VARIANCE = 1e-20;

/** Both ends of a step: alphasBar at the current timestep and at the next lower one. */
type StepEnds = { readonly alphaBar: number; readonly alphaBarPrev: number };

/**
 * DDPM ancestral sampling (Ho et al. 2020, eq. 6 and 7) on a strided grid: alpha and beta of a step come from the ratio
 * of alphasBar at its two ends, not from the per-timestep tables. `alphaBarPrev` is 1 past the end.
 */
export function ddpmKernel(
  prediction: Prediction,
  variance: DdpmVariance,
  { alphaBar, alphaBarPrev }: StepEnds,
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

/**
 * DDIM (Song, Meng and Ermon 2021), eq. 12; eta scales the noise of eq. 16 (0 deterministic, 1 ancestral).
 *
 * Differs from the paper: past the end of the grid alphasBar is alphasBar[0] unless set_alpha_to_one, as Stable
 * Diffusion's configs ask.
 */
export function ddimKernel(
  prediction: Prediction,
  eta: number,
  { alphaBar, alphaBarPrev }: StepEnds,
): GaussianKernel {
  const x0 = originalForm(prediction, alphaBar);
  const eps = epsilonForm(prediction, alphaBar);
  const std = eta * Math.sqrt(((1 - alphaBarPrev) / (1 - alphaBar)) * (1 - alphaBar / alphaBarPrev));
  const toward = Math.sqrt(alphaBarPrev);
  const direction = Math.sqrt(Math.max(0, 1 - alphaBarPrev - std * std));
  const mean: LinearForm = {
    z: toward * x0.z + direction * eps.z,
    output: toward * x0.output + direction * eps.output,
  };
  return { mean, std };
}
