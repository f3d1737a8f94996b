/** Log-densities of a sampler's own steps on the tape: what policy gradients differentiate. */
import { type Tensor1D, type Tensor4D, tf } from '../tensor/tf.ts';
import { type GaussianKernel, logProbCoefficients } from './kernel.ts';

/** A step with less noise than this is taken for deterministic: DDPM's last has a standard deviation of 1e-10. */
const LEAST_STD = 1e-6;

/** False for steps that add too little noise to have a log-probability worth computing. */
export function isStochastic({ std }: GaussianKernel): boolean {
  return std > LEAST_STD;
}

/**
 * log p(next | zt, output) of rows with a kernel each, averaged over the elements of a row [N], in nats per element;
 * differentiable.
 * @param output what the sampler went on with: the guided output, on the network's own prediction type
 * @throws StudioError `kernel-deterministic` where a step adds no noise
 */
export function transitionLogProb(
  kernels: readonly GaussianKernel[],
  { zt, output, next }: { readonly zt: Tensor4D; readonly output: Tensor4D; readonly next: Tensor4D },
): Tensor1D {
  const coefficients = kernels.map(({ std }) => logProbCoefficients(std));
  const perRow = (values: number[]): Tensor4D => tf.tensor4d(values, [values.length, 1, 1, 1]);
  return tf.tidy(() => {
    const mean = tf.add(
      tf.mul(zt, perRow(kernels.map(({ mean: form }) => form.z))),
      tf.mul(output, perRow(kernels.map(({ mean: form }) => form.output))),
    );
    const squares = tf.mean(tf.squaredDifference(next, mean), [1, 2, 3]);
    return tf.add(
      tf.mul(squares, tf.tensor1d(coefficients.map(({ scale }) => scale))),
      tf.tensor1d(coefficients.map(({ offset }) => offset)),
    ) as Tensor1D;
  });
}
