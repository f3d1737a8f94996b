/**
 * DPM-Solver++ 2M (Lu et al. 2022, "DPM-Solver++", algorithm 2): multistep on the predicted clean latent.
 *
 * With sigma = sqrt((1 - alphasBar) / alphasBar), a = 1 / sqrt(sigma^2 + 1), s = sigma a and
 * lambda = log(a / s), a step over h = lambda_next - lambda is
 *   z_next = (s_next / s) z - a_next (e^-h - 1) (D0 + correction), D0 = x0(now),
 * where the second order adds a multiple of D1 = (h / h_before) (x0(now) - x0(before)).
 */
import type { Prediction } from '../../contract/spec.ts';
import { type LinearForm, originalForm } from '../parametrization.ts';

export type SolverType = 'midpoint' | 'heun';

/** z_next = sample * z + now * x0(now) + before * x0(before). */
type SolverStep = { readonly sample: number; readonly now: number; readonly before: number };

/** Predicted clean latent at noise level sigma (variance-preserving scale). */
export function dpmOriginal(prediction: Prediction, sigma: number): LinearForm {
  return originalForm(prediction, 1 / (sigma * sigma + 1));
}

/** First-order step; sigmaNext = 0 returns the predicted clean latent. */
export function dpmFirstOrder({
  sigma,
  sigmaNext,
}: {
  readonly sigma: number;
  readonly sigmaNext: number;
}): SolverStep {
  const from = level(sigma);
  const to = level(sigmaNext);
  const h = to.lambda - from.lambda;
  return { sample: to.s / from.s, now: -to.a * Math.expm1(-h), before: 0 };
}

/** Second-order step; needs sigmaNext > 0. */
export function dpmSecondOrder(
  solver: SolverType,
  sigmas: { readonly sigmaBefore: number; readonly sigma: number; readonly sigmaNext: number },
): SolverStep {
  const from = level(sigmas.sigma);
  const to = level(sigmas.sigmaNext);
  const h = to.lambda - from.lambda;
  const hBefore = from.lambda - level(sigmas.sigmaBefore).lambda;
  const decay = Math.expm1(-h);
  const onD1 = solver === 'midpoint' ? -0.5 * to.a * decay : to.a * (decay / h + 1);
  const ratio = h / hBefore;
  return { sample: to.s / from.s, now: -to.a * decay + onD1 * ratio, before: -onD1 * ratio };
}

function level(sigma: number): { readonly a: number; readonly s: number; readonly lambda: number } {
  const a = 1 / Math.sqrt(sigma * sigma + 1);
  return { a, s: sigma * a, lambda: -Math.log(sigma) };
}
