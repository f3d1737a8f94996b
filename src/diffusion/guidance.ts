import { noiseDifference } from '../tensor/ops/noiseDifference.ts';
import type { Tensor1D, Tensor4D } from '../tensor/tf.ts';

/** What a combination rule sees at one step. */
type CombineInput = {
  /** Raw outputs [contexts * N, h, w, c]; with the usual two contexts the unconditional half comes first. */
  readonly outputs: Tensor4D;
  readonly zt: Tensor4D;
  readonly t: number;
  readonly i: number;
};

/** The output the scheduler goes on with and, per sample, the squared difference where the rule measures it. */
export type Combined = { readonly output: Tensor4D; readonly squaredDifference: Tensor1D | null };

/** Guidance as a function; it may also only look on. It disposes nothing it was given. */
export type Combine = (input: CombineInput) => Combined;

/**
 * Classifier-free guidance epsUncond + w (epsCond - epsUncond) with the MI tap: ||epsCond - epsUncond||^2 of the raw
 * outputs comes out of the same pass over memory. Guidance 1 follows the conditional path.
 */
export function guideAndMeasure(guidance: number): Combine {
  return ({ outputs }) => {
    const { guided, squaredDifference } = noiseDifference(outputs, guidance);
    return { output: guided as Tensor4D, squaredDifference: squaredDifference as Tensor1D };
  };
}
