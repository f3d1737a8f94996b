/**
 * Euler steps of the probability-flow ODE in the variance-exploding scale (Karras et al. 2022, algorithm 2
 * without churn): the sample is z0 + sigma noise, sigma = sqrt((1 - alphasBar) / alphasBar), and the
 * network sees it divided by sqrt(sigma^2 + 1).
 */
import type { Prediction } from '../../contract/spec.ts';
import { type LinearForm, originalForm } from '../parametrization.ts';

/** Predicted clean latent, linear in the unscaled sample and the output at the scaled one. */
export function eulerOriginal(prediction: Prediction, sigma: number): LinearForm {
  const scaled = originalForm(prediction, 1 / (sigma * sigma + 1));
  return { z: scaled.z / Math.sqrt(sigma * sigma + 1), output: scaled.output };
}

/** z_next = z + (sigmaNext - sigma) d, with the derivative d = (z - z0) / sigma. */
export function eulerStep(
  prediction: Prediction,
  { sigma, sigmaNext }: { readonly sigma: number; readonly sigmaNext: number },
): LinearForm {
  const x0 = eulerOriginal(prediction, sigma);
  const slope = (sigmaNext - sigma) / sigma;
  return { z: 1 + slope * (1 - x0.z), output: -slope * x0.output };
}
