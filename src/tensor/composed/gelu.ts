/** The two forms of GELU and their derivative, from stock kernels. */

import type { TensorInfo } from '../tf.ts';
import type { Compose } from './compose.ts';

export type GeluKind = 'erf' | 'quick';

/** Slope inside the sigmoid of quick GELU (OpenAI CLIP). */
const quickSlope = 1.702;

/**
 * The normal distribution function as 1/2 + x p(x^2) / q(x^2), constant terms first: a minimax fit on |x| <= 5.5 with
 * largest error 2.3e-8, 2e-7 in f32. The stock `erf` is scalar code on wasm and off by 4e-6. gelu_erf.wgsl has the same.
 */
const normalCdf = {
  limit: 5.5,
  numerator: [0.398942143, 3.48836258e-2, 4.74442914e-3, 1.79895767e-4, 6.47825118e-6, 2.22407177e-8],
  denominator: [1, 0.254105031, 2.92465128e-2, 1.94649887e-3, 7.74713335e-5, 1.1920805e-6],
} as const;

/** The factor that GELU puts on x. */
export function composeGeluGate(compose: Compose, x: TensorInfo, kind: GeluKind): TensorInfo {
  if (kind === 'quick') return compose.unary('Sigmoid', compose.mul(x, compose.scalar(quickSlope)));
  const { limit, numerator, denominator } = normalCdf;
  const z = compose.run('ClipByValue', { x }, { clipValueMin: -limit, clipValueMax: limit });
  const t = compose.mul(z, z);
  const p = polynomial(compose, t, numerator);
  const q = polynomial(compose, t, denominator);
  return compose.add(compose.div(compose.mul(z, p), q), compose.scalar(0.5));
}

/** Derivative of `x gate(x)`, given the gate of x. */
export function composeGeluSlope(compose: Compose, x: TensorInfo, g: TensorInfo, kind: GeluKind): TensorInfo {
  if (kind === 'quick') {
    const rest = compose.sub(compose.scalar(1), g);
    const tail = compose.mul(compose.mul(x, compose.scalar(quickSlope)), rest);
    return compose.mul(g, compose.add(tail, compose.scalar(1)));
  }
  const exponent = compose.mul(compose.mul(x, x), compose.scalar(-0.5));
  const density = compose.mul(compose.unary('Exp', exponent), compose.scalar(1 / Math.sqrt(2 * Math.PI)));
  return compose.add(g, compose.mul(x, density));
}

/** Horner's rule; constant term first. */
function polynomial(compose: Compose, t: TensorInfo, coefficients: readonly number[]): TensorInfo {
  const scalars = coefficients.map((coefficient) => compose.scalar(coefficient));
  let sum = scalars.at(-1) as TensorInfo;
  for (const scalar of scalars.slice(0, -1).reverse()) {
    const product = compose.mul(sum, t);
    compose.free(sum);
    sum = compose.add(product, scalar);
    compose.free(product);
  }
  return sum;
}
