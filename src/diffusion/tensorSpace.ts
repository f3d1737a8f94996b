import { linearCombination } from '../tensor/ops/linearCombination.ts';
import type { Tensor4D } from '../tensor/tf.ts';
import type { VectorSpace } from './vectorSpace.ts';

/** Latents on the backend: each combination is one dispatch. */
export const tensorSpace: VectorSpace<Tensor4D> = {
  combine: (terms) => linearCombination(terms) as Tensor4D,
};
