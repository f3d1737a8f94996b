/** Where methods reach into a network: adapters, attention maps, other contexts. All optional, none of it costs when absent. */
import type { ConvOptions } from '../tensor/ops/conv2d.ts';
import type { Tensor, Tensor3D, Tensor4D } from '../tensor/tf.ts';
import type { Conv, Linear } from './parameters.ts';

/** Applies a dense layer; adapters replace it for the layers that they adapt. x [..., in] -> [..., out]. */
export type Projector = {
  (layer: Linear, x: Tensor): Tensor;
  /**
   * The same for convolutions; present where any layer of a residual block is adapted, whose time projection otherwise
   * rides on a bias. x [N, H, W, in] -> [N, H', W', out].
   */
  readonly convolve?: Convolver | undefined;
  /** False for layers that it leaves as they are, which then may run in one pass with others. By default it changes all. */
  readonly changes?: ((layer: Linear | Conv) => boolean) | undefined;
};

export type Convolver = (layer: Conv, x: Tensor4D, options?: ConvOptions) => Tensor4D;

/** One attention layer as it is met in the forward pass. */
export type AttentionSite = {
  /** Module path, e.g. `up_blocks.1.attentions.0.transformer_blocks.0.attn2`. */
  readonly name: string;
  readonly kind: 'self' | 'cross';
  /** Height and width of the query grid. */
  readonly resolution: readonly [number, number];
  readonly heads: number;
};

/**
 * Sees the attention of the sites it wants. Scores are stored only for those.
 * `onAttention` gets q, k, v [N, L, C] and probs [N, heads, Lq, Lk] (differentiable; do not dispose them) and may
 * return other probabilities to use instead. What has to outlive the network's pass, also on the tape of a gradient,
 * the hook keeps by `tf.keep` and disposes itself.
 */
export type AttentionHook = {
  wants(site: AttentionSite): boolean;
  onAttention(
    site: AttentionSite,
    maps: { q: Tensor3D; k: Tensor3D; v: Tensor3D; probs: Tensor4D },
  ): Tensor4D | null;
};

/**
 * Other text contexts for a cross-attention site: separate lists for keys and values. Lists of one are shared; the
 * outputs of all pairs are averaged. Null keeps the ordinary context.
 */
export type ContextHook = (
  site: AttentionSite,
) => { readonly keys: readonly Tensor3D[]; readonly values: readonly Tensor3D[] } | null;

export type NetworkHooks = {
  readonly project?: Projector | undefined;
  readonly attention?: AttentionHook | undefined;
  readonly context?: ContextHook | undefined;
};
