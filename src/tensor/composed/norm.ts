/** Normalization from stock kernels, given how its means are taken. */

import type { TensorInfo } from '../tf.ts';
import type { Compose } from './compose.ts';

/** Mean over what is normalized together, in a shape that broadcasts against the input. */
export type Means = (compose: Compose, x: TensorInfo) => TensorInfo;

/** `x - mean` and `1 / sqrt(variance + eps)`, the variance from centered values. */
export function center(
  compose: Compose,
  x: TensorInfo,
  eps: number,
  means: Means,
): { centered: TensorInfo; inverseStd: TensorInfo } {
  const centered = compose.sub(x, means(compose, x));
  const variance = means(compose, compose.mul(centered, centered));
  const inverseStd = compose.unary('Rsqrt', compose.add(variance, compose.scalar(eps)));
  return { centered, inverseStd };
}

/** `inverseStd (g - mean(g) - normalized mean(g normalized))`. */
export function normGradient(
  compose: Compose,
  g: TensorInfo,
  normalized: TensorInfo,
  inverseStd: TensorInfo,
  means: Means,
): TensorInfo {
  const meanProduct = means(compose, compose.mul(g, normalized));
  const rest = compose.sub(compose.sub(g, means(compose, g)), compose.mul(normalized, meanProduct));
  return compose.mul(rest, inverseStd);
}

/** d silu(y) / dy = s (1 + y (1 - s)) with s the sigmoid of y. */
export function composeSiluSlope(compose: Compose, y: TensorInfo): TensorInfo {
  const s = compose.unary('Sigmoid', y);
  const tail = compose.mul(y, compose.sub(compose.scalar(1), s));
  return compose.mul(s, compose.add(tail, compose.scalar(1)));
}
