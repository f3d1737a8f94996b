/**
 * PNDM's linear multistep part, PLMS (Liu et al. 2022, eq. 9 and 12), without Runge-Kutta warm-up
 * (`skip_prk_steps`): the order grows from 1 to 4, and the second evaluation repairs the first step by
 * going again from the first sample with the mean of the two outputs.
 */
import type { Prediction } from '../../contract/spec.ts';
import { epsilonForm, type LinearForm } from '../parametrization.ts';

/** Adams-Bashforth weights of outputs, newest first, by how many there are. */
const ADAMS_BASHFORTH = [
  [1],
  [3 / 2, -1 / 2],
  [23 / 12, -16 / 12, 5 / 12],
  [55 / 24, -59 / 24, 37 / 24, -9 / 24],
] as const;

/** Past outputs the highest order uses beside the current one. */
export const PLMS_MEMORY = 3;

/** Weights for the current output followed by `memory` past ones (0 to `PLMS_MEMORY`). */
export function plmsWeights(memory: number): readonly number[] {
  return ADAMS_BASHFORTH[Math.min(memory, PLMS_MEMORY)] ?? [1];
}

/** Weights of the repairing second evaluation: mean of the current and the first output. */
export const PLMS_REPAIR_WEIGHTS: readonly number[] = [1 / 2, 1 / 2];

/** Eq. 9: the transfer from one noise level to another, for the effective output. */
export function pndmTransfer(
  prediction: Prediction,
  { alphaBar, alphaBarPrev }: { readonly alphaBar: number; readonly alphaBarPrev: number },
): LinearForm {
  const eps = epsilonForm(prediction, alphaBar);
  const denominator =
    alphaBar * Math.sqrt(1 - alphaBarPrev) + Math.sqrt(alphaBar * (1 - alphaBar) * alphaBarPrev);
  const fromEpsilon = -(alphaBarPrev - alphaBar) / denominator;
  return {
    z: Math.sqrt(alphaBarPrev / alphaBar) + fromEpsilon * eps.z,
    output: fromEpsilon * eps.output,
  };
}
