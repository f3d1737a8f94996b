/**
 * What fine-tuning methods minimize: Equation 1, and losses of rows that share noise and timestep. A sample is one row
 * (its image) or several; a batch holds the first rows of all samples, then the second rows, and so on.
 */
import { type Scalar, type Tensor, type Tensor1D, type Tensor4D, tf } from '../tensor/tf.ts';

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

/** What is trained on each sample. */
export type Objective = {
  /** Rows of one sample in the network. */
  readonly rows: number;
  /** True where the loss compares with the base model's output on the same rows. */
  readonly reference: boolean;
  readonly loss: LossFunction;
};

/** Equation 1; with weights of samples the reward-weighted loss of GORS, mean_b(r_b MSE_b), divided by the batch size. */
export const denoising: Objective = { rows: 1, reference: false, loss: predictionLoss };

/**
 * HN-ITM: L = L+ - min(L-, lambda sg(L+)), means over the batch, against the true noise. With lambda 1 an active bound
 * reads 0 and has the gradient of L+. `relativistic`: L- is the distance of the two predictions from one another.
 */
export function hardNegatives(lambda: number, relativistic = false): Objective {
  const loss: LossFunction = ({ prediction, target }) => {
    const [right, wrong] = parts(prediction, 2) as [Tensor4D, Tensor4D];
    const [truth, wrongTruth] = parts(target, 2) as [Tensor4D, Tensor4D];
    const positive = tf.mean(squaredErrors(right, truth));
    const negative = tf.mean(squaredErrors(wrong, relativistic ? right : wrongTruth));
    const bound = tf.mul(stopGradient(positive), lambda);
    return tf.sub(positive, tf.minimum(negative, bound)) as Scalar;
  };
  return { rows: 2, reference: false, loss };
}

/**
 * Diffusion-DPO: s = scale ((e_ref_w - e_ref_l) - (e_w - e_l)), L = -mean log sigmoid(s), e the mean squared error of a
 * row; winners first. `scale` is beta / 2 of the paper's code and beta of diffusers'.
 *
 * e - e_ref is taken as mean((p - p_ref) (p + p_ref - 2 noise)): the same number with less cancellation.
 */
export function preference(scale: number): Objective {
  const loss: LossFunction = ({ prediction, reference, target }) => {
    const inside = tf.mul(preferenceMargins(prediction, reference as Tensor4D, target), scale);
    // -log sigmoid(s)
    return tf.mean(tf.softplus(tf.neg(inside))) as Scalar;
  };
  return { rows: 2, reference: true, loss };
}

/** (e_ref_w - e_ref_l) - (e_w - e_l) of each pair [pairs]. */
export function preferenceMargins(prediction: Tensor4D, reference: Tensor4D, target: Tensor4D): Tensor1D {
  const difference = tf.sub(prediction, reference);
  const sum = tf.sub(tf.add(prediction, reference), tf.mul(target, 2));
  const [winner, loser] = parts(tf.mean(tf.mul(difference, sum), [1, 2, 3]), 2) as [Tensor, Tensor];
  return tf.sub(loser, winner) as Tensor1D;
}

/**
 * DiffusionNFT (arXiv 2509.16117, section 3): with v+ = (1 - beta) v_ref + beta v and v- = (1 + beta) v_ref - beta v,
 * L = mean_b(r_b |v+ - target|^2 + (1 - r_b) |v- - target|^2); r in [0, 1] is the sample's weight. On whatever the network
 * predicts: for noise as for velocity the two directions are reflections about the reference.
 */
export function negativeAware(beta: number): Objective {
  const loss: LossFunction = ({ prediction, reference, target, weights }) => {
    const ref = reference as Tensor4D;
    const step = tf.mul(tf.sub(prediction, ref), beta);
    const positive = squaredErrors(tf.add(ref, step) as Tensor4D, target);
    const negative = squaredErrors(tf.sub(ref, step) as Tensor4D, target);
    const r = weights ?? tf.onesLike(positive);
    return tf.mean(tf.add(tf.mul(r, positive), tf.mul(tf.sub(1, r), negative))) as Scalar;
  };
  return { rows: 1, reference: true, loss };
}

/**
 * MI in the loss (the paper's discussion gives no formula; ours): L = e_c - eta min(|eps_c - sg(eps_u)|^2, c sg(e_c)), mean
 * squares over the batch. The first row of a sample has its prompt, the second none. Without the bound it has no minimum.
 */
export function rewardedInformation(eta: number, bound: number): Objective {
  const loss: LossFunction = ({ prediction, target }) => {
    const [cond, uncond] = parts(prediction, 2) as [Tensor4D, Tensor4D];
    const [truth] = parts(target, 2) as [Tensor4D, Tensor4D];
    const error = tf.mean(squaredErrors(cond, truth));
    const information = tf.mean(tf.squaredDifference(cond, stopGradient(uncond)));
    return tf.sub(error, tf.mul(tf.minimum(information, tf.mul(stopGradient(error), bound)), eta)) as Scalar;
  };
  return { rows: 2, reference: false, loss };
}

/** e of each row: mean squared error over its elements [N]. */
export function squaredErrors(prediction: Tensor4D, target: Tensor4D): Tensor1D {
  return tf.mean(tf.squaredDifference(prediction, target), [1, 2, 3]);
}

/** The value without its gradient. */
function stopGradient<T extends Tensor>(x: T): T {
  return tf.customGrad((value) => ({
    value: (value as Tensor).clone(),
    gradFunc: (dy) => tf.zerosLike(dy as Tensor),
  }))(x) as T;
}

function parts(x: Tensor, count: number): Tensor[] {
  return tf.split(x, count);
}
