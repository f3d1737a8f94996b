/** Typed weights of the image encoder of CLIP, OpenCLIP, OWL-ViT and BLIP, by the names of transformers' CLIP. */
import { type Linear, type Norm, norm, type ParameterSource } from '../../models/parameters.ts';
import { buildPreNormLayer, type PreNormLayer } from '../../models/preNorm/weights.ts';
import type { Table } from '../../models/table.ts';
import type { Tensor1D } from '../../tensor/tf.ts';

export type VisionConfig = {
  readonly width: number;
  readonly feedWidth: number;
  readonly layers: number;
  readonly heads: number;
  /** Height and width of the pictures it takes, and of one patch, in pixels. */
  readonly imageSize: number;
  readonly patchSize: number;
  readonly activation: 'gelu' | 'quick_gelu';
  readonly normEps: number;
  /** CLIP normalizes the embeddings before the first layer and has no bias on patches; BLIP the other way round. */
  readonly style: 'clip' | 'blip';
};

export type VisionWeights = {
  readonly config: VisionConfig;
  /** [3 k k, width] on patches in the order channel, row, column. */
  readonly patches: Linear;
  readonly classToken: Tensor1D;
  /** [1 + grid * grid, width]. */
  readonly positions: Table;
  readonly preNorm: Norm | null;
  readonly layers: readonly PreNormLayer[];
  readonly postNorm: Norm;
};

/** Patches along one side of a picture. */
export function gridOf({ imageSize, patchSize }: Pick<VisionConfig, 'imageSize' | 'patchSize'>): number {
  return imageSize / patchSize;
}

/** Builds the typed weights by asking `p` for each parameter exactly once. */
export function buildVision(config: VisionConfig, p: ParameterSource): VisionWeights {
  const { width, patchSize, style } = config;
  const root = 'vision_model';
  const patches = `${root}.embeddings.patch_embedding`;
  return {
    config,
    patches: {
      name: patches,
      w: p.weight(`${patches}.weight`, 'patch', [width, 3, patchSize, patchSize]),
      b: style === 'blip' ? p.vector(`${patches}.bias`, width) : null,
    },
    classToken: p.vector(`${root}.embeddings.class_embedding`, width),
    positions: p.table(`${root}.embeddings.position_embedding.weight`, 1 + gridOf(config) ** 2, width),
    // The misspelling is in every published file.
    preNorm: style === 'clip' ? norm(p, `${root}.pre_layrnorm`, width) : null,
    layers: Array.from({ length: config.layers }, (_, i) =>
      buildPreNormLayer(p, `${root}.encoder.layers.${i}`, config),
    ),
    postNorm: norm(p, `${root}.post_layernorm`, width),
  };
}
