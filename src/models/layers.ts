/** Layers shared by the UNet, the VAE and the text encoder: functions of typed weights. Shapes are NHWC or [N, L, C]. */
import { attention, attentionMix, attentionProbs } from '../tensor/ops/attention.ts';
import { type ConvOptions, conv2d } from '../tensor/ops/conv2d.ts';
import { groupNorm } from '../tensor/ops/groupNorm.ts';
import { layerNorm } from '../tensor/ops/layerNorm.ts';
import { linear } from '../tensor/ops/linear.ts';
import { type Tensor, type Tensor3D, type Tensor4D, tf } from '../tensor/tf.ts';
import type { AttentionHook, AttentionSite } from './hooks.ts';
import type { Conv, Linear, Norm } from './parameters.ts';

/** x [..., in] -> [..., out], with `residual` of the output's shape added in the same pass. */
export function runLinear(layer: Linear, x: Tensor, residual: Tensor | null = null): Tensor {
  return linear(x, layer.w, layer.b, residual);
}

/** 3x3 convolution, by default with the size kept. x [N, H, W, Cin] -> [N, H', W', Cout]. */
export function runConv(layer: Conv, x: Tensor4D, options: ConvOptions = {}): Tensor4D {
  return conv2d(x, layer.w, layer.b, options);
}

export function runGroupNorm(
  layer: Norm,
  x: Tensor4D,
  options: { groups: number; eps: number; silu: boolean },
): Tensor4D {
  return groupNorm(x, layer.gamma, layer.beta, options) as Tensor4D;
}

export function runLayerNorm<T extends Tensor>(layer: Norm, x: T, eps = 1e-5): T {
  return layerNorm(x, layer.gamma, layer.beta, eps) as T;
}

/**
 * softmax(q k^T / sqrt(d)) v per head. q [N, Lq, C], k and v [N, Lk, C] -> [N, Lq, C].
 * A hook that wants the site gets the probabilities, which are then stored and differentiable.
 */
export function attend(
  q: Tensor3D,
  k: Tensor3D,
  v: Tensor3D,
  site: AttentionSite,
  hook: AttentionHook | undefined,
): Tensor3D {
  const options = { heads: site.heads, causal: false };
  if (hook === undefined || !hook.wants(site)) return attention(q, k, v, options) as Tensor3D;
  return tf.tidy(() => {
    const probs = attentionProbs(q, k, options) as Tensor4D;
    return attentionMix(hook.onAttention(site, { q, k, v, probs }) ?? probs, v) as Tensor3D;
  });
}
