/** Layer normalization over the last axis. gamma and beta are frozen; only `x` is differentiable. */
import type { Compose } from '../compose.ts';
import type { Tensor, TensorInfo } from '../tf.ts';
import { defineOp, only } from './define.ts';

type LayerNormAttributes = { readonly eps: number };

const runLayerNorm = defineOp<'x' | 'gamma' | 'beta', LayerNormAttributes>({
  name: 'StudioLayerNorm',
  composed: (compose, { x, gamma, beta }, { eps }) => {
    const { normalized } = normalize(compose, x, eps);
    return compose.add(compose.mul(normalized, gamma), beta);
  },
  gradient: {
    save: ['x', 'gamma'],
    run: ([dy], [x, gamma], attrs) => ({
      x: () =>
        only(runLayerNormGradient({ x: x as Tensor, gamma: gamma as Tensor, dy: dy as Tensor }, attrs)),
    }),
  },
});

const runLayerNormGradient = defineOp<'x' | 'gamma' | 'dy', LayerNormAttributes>({
  name: 'StudioLayerNormGradient',
  composed: (compose, { x, gamma, dy }, { eps }) => {
    const { normalized, inverseStd } = normalize(compose, x, eps);
    const scaled = compose.mul(dy, gamma);
    const meanScaled = meanLast(compose, scaled);
    const meanProduct = meanLast(compose, compose.mul(scaled, normalized));
    const centered = compose.sub(compose.sub(scaled, meanScaled), compose.mul(normalized, meanProduct));
    return compose.mul(centered, inverseStd);
  },
});

/**
 * @param x [..., D]
 * @param gamma [D]
 * @param beta [D]
 * @returns [..., D]
 */
export function layerNorm<T extends Tensor>(x: T, gamma: Tensor, beta: Tensor, eps: number): T {
  return only(runLayerNorm({ x, gamma, beta }, { eps })) as T;
}

function normalize(compose: Compose, x: TensorInfo, eps: number) {
  const centered = compose.sub(x, meanLast(compose, x));
  const variance = meanLast(compose, compose.mul(centered, centered));
  const inverseStd = compose.unary('Rsqrt', compose.add(variance, compose.scalar(eps)));
  return { normalized: compose.mul(centered, inverseStd), inverseStd };
}

function meanLast(compose: Compose, x: TensorInfo): TensorInfo {
  return compose.mul(compose.sumLast(x), compose.scalar(1 / (x.shape.at(-1) as number)));
}
