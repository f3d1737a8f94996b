/**
 * DDIM (Song, Meng and Ermon 2021), eq. 12; eta scales the noise of eq. 16 (0 deterministic, 1 ancestral).
 *
 * Differs from the paper: past the end of the grid alphasBar is alphasBar[0] unless set_alpha_to_one,
 * as Stable Diffusion's configs ask.
 */
import type { Prediction } from '../../contract/spec.ts';
import type { GaussianKernel } from '../kernel.ts';
import { epsilonForm, type LinearForm, originalForm } from '../parametrization.ts';

/** Kernel from alphasBar at the current timestep to `alphaBarPrev` at the next lower one. */
export function ddimKernel(
  prediction: Prediction,
  eta: number,
  { alphaBar, alphaBarPrev }: { readonly alphaBar: number; readonly alphaBarPrev: number },
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
