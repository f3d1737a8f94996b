/** Group normalization, optionally followed by SiLU. gamma and beta are frozen; only `x` is differentiable. */
import type { Compose } from '../compose.ts';
import { sizeOf } from '../compose.ts';
import type { Tensor, TensorInfo } from '../tf.ts';
import { defineOp, only } from './define.ts';

export type GroupNormOptions = { readonly groups: number; readonly eps: number; readonly silu: boolean };

const runGroupNorm = defineOp<'x' | 'gamma' | 'beta', GroupNormOptions>({
  name: 'StudioGroupNorm',
  composed: (compose, { x, gamma, beta }, options) => {
    const { normalized } = normalize(compose, x, options);
    const y = affine(compose, normalized, gamma, beta);
    return options.silu ? compose.mul(y, compose.unary('Sigmoid', y)) : y;
  },
  gradient: {
    save: ['x', 'gamma', 'beta'],
    run: ([dy], [x, gamma, beta], options) => ({
      x: () =>
        only(
          runGroupNormGradient(
            { x: x as Tensor, gamma: gamma as Tensor, beta: beta as Tensor, dy: dy as Tensor },
            options,
          ),
        ),
    }),
  },
});

const runGroupNormGradient = defineOp<'x' | 'gamma' | 'beta' | 'dy', GroupNormOptions>({
  name: 'StudioGroupNormGradient',
  composed: (compose, { x, gamma, beta, dy }, options) => {
    const { normalized, inverseStd } = normalize(compose, x, options);
    let upstream = dy;
    if (options.silu) {
      const y = affine(compose, normalized, gamma, beta);
      upstream = compose.mul(dy, siluSlope(compose, y));
    }
    const scaled = compose.mul(upstream, gamma);
    const meanScaled = groupMean(compose, scaled, options.groups);
    const meanProduct = groupMean(compose, compose.mul(scaled, normalized), options.groups);
    const centered = compose.sub(compose.sub(scaled, meanScaled), compose.mul(normalized, meanProduct));
    return compose.mul(centered, inverseStd);
  },
});

/**
 * @param x [N, H, W, C]
 * @param gamma [C]
 * @param beta [C]
 * @returns [N, H, W, C]
 */
export function groupNorm<T extends Tensor>(x: T, gamma: Tensor, beta: Tensor, options: GroupNormOptions): T {
  const { groups, eps, silu } = options;
  return only(runGroupNorm({ x, gamma, beta }, { groups, eps, silu })) as T;
}

function normalize(compose: Compose, x: TensorInfo, { groups, eps }: GroupNormOptions) {
  const centered = compose.sub(x, groupMean(compose, x, groups));
  const variance = groupMean(compose, compose.mul(centered, centered), groups);
  const inverseStd = compose.unary('Rsqrt', compose.add(variance, compose.scalar(eps)));
  return { normalized: compose.mul(centered, inverseStd), inverseStd };
}

function affine(compose: Compose, x: TensorInfo, gamma: TensorInfo, beta: TensorInfo): TensorInfo {
  return compose.add(compose.mul(x, gamma), beta);
}

/** d silu(y) / dy = s (1 + y (1 - s)) with s the sigmoid of y. */
function siluSlope(compose: Compose, y: TensorInfo): TensorInfo {
  const s = compose.unary('Sigmoid', y);
  const tail = compose.mul(y, compose.sub(compose.scalar(1), s));
  return compose.mul(s, compose.add(tail, compose.scalar(1)));
}

/** Mean over pixels and the channels of each group, repeated per channel: [N,H,W,C] to [N,1,1,C]. */
function groupMean(compose: Compose, x: TensorInfo, groups: number): TensorInfo {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const size = channels / groups;
  const byGroup = compose.transpose(compose.view(x, [batch, height * width, groups, size]), [0, 2, 1, 3]);
  const sums = compose.sumLast(compose.view(byGroup, [batch * groups, sizeOf([height, width, size])]));
  const means = compose.mul(sums, compose.scalar(1 / (height * width * size)));
  const ones = compose.filled(1, [1, size]);
  return compose.view(compose.mul(means, ones), [batch, 1, 1, channels]);
}
