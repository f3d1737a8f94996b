/** The two forms of GELU and their derivative, on any backend. */
import type { Compose } from './compose.ts';
import type { TensorInfo } from './tf.ts';

export type GeluKind = 'erf' | 'quick';

/** Slope inside the sigmoid of quick GELU (OpenAI CLIP). */
const quickSlope = 1.702;

/** The factor that GELU puts on x. */
export function composeGeluGate(compose: Compose, x: TensorInfo, kind: GeluKind): TensorInfo {
  if (kind === 'quick') return compose.unary('Sigmoid', compose.mul(x, compose.scalar(quickSlope)));
  const e = compose.unary('Erf', compose.mul(x, compose.scalar(Math.SQRT1_2)));
  return compose.mul(compose.add(e, compose.scalar(1)), compose.scalar(0.5));
}

/** Derivative of `x gate(x)`. */
export function composeGeluSlope(compose: Compose, x: TensorInfo, kind: GeluKind): TensorInfo {
  const g = composeGeluGate(compose, x, kind);
  if (kind === 'quick') {
    const tail = compose.mul(compose.mul(x, compose.scalar(quickSlope)), compose.sub(compose.scalar(1), g));
    return compose.mul(g, compose.add(tail, compose.scalar(1)));
  }
  const exponent = compose.mul(compose.mul(x, x), compose.scalar(-0.5));
  const density = compose.mul(compose.unary('Exp', exponent), compose.scalar(1 / Math.sqrt(2 * Math.PI)));
  return compose.add(g, compose.mul(x, density));
}
