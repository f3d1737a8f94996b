import { type Scalar, type Tensor1D, type Tensor4D, tf } from '../tensor/tf.ts';

/** What a loss may look at; rows of all tensors correspond. */
export type LossInput = {
  /** The network's output with the adapter, on its own prediction type [N, h, w, c]. */
  readonly prediction: Tensor4D;
  /** The base model's output on the same inputs, where the method asked for it. */
  readonly reference: Tensor4D | null;
  /** What the output should have been: the noise, or the velocity. */
  readonly target: Tensor4D;
  readonly t: readonly number[];
  /** Weight of each sample, where the method gives weights. */
  readonly weights: Tensor1D | null;
};

/** A differentiable scalar of the prediction. Called inside the tape. */
export type LossFunction = (input: LossInput) => Scalar;

/** Equation 1 of the paper: mean squared error of the prediction over all elements, weighted by row if asked. */
export const predictionLoss: LossFunction = ({ prediction, target, weights }) => {
  const squares = tf.square(tf.sub(prediction, target));
  if (weights === null) return tf.mean(squares) as Scalar;
  return tf.mean(tf.mul(squares, tf.reshape(weights, [-1, 1, 1, 1]))) as Scalar;
};
