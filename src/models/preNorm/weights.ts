/** Typed weights of the layer that CLIP's two towers and BLIP's image encoder are made of. */
import { type Linear, linear, type Norm, norm, type ParameterSource } from '../parameters.ts';

export type PreNormLayer = {
  readonly norm1: Norm;
  readonly toQ: Linear;
  readonly toK: Linear;
  readonly toV: Linear;
  readonly toOut: Linear;
  readonly norm2: Norm;
  readonly feedIn: Linear;
  readonly feedOut: Linear;
};

/** Asks for the parameters of the layer at `path` by their transformers names. */
export function buildPreNormLayer(
  p: ParameterSource,
  path: string,
  { width, feedWidth }: { readonly width: number; readonly feedWidth: number },
): PreNormLayer {
  return {
    norm1: norm(p, `${path}.layer_norm1`, width),
    toQ: linear(p, `${path}.self_attn.q_proj`, width, width, true),
    toK: linear(p, `${path}.self_attn.k_proj`, width, width, true),
    toV: linear(p, `${path}.self_attn.v_proj`, width, width, true),
    toOut: linear(p, `${path}.self_attn.out_proj`, width, width, true),
    norm2: norm(p, `${path}.layer_norm2`, width),
    feedIn: linear(p, `${path}.mlp.fc1`, width, feedWidth, true),
    feedOut: linear(p, `${path}.mlp.fc2`, feedWidth, width, true),
  };
}
