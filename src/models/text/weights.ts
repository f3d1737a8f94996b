/** Typed weights of the CLIP text encoder, by their transformers names. */
import { type Linear, type Norm, norm, type ParameterSource } from '../parameters.ts';
import { buildPreNormLayer, type PreNormLayer } from '../preNorm/weights.ts';
import type { Table } from '../table.ts';
import type { TextConfig } from './config.ts';

export type TextWeights = {
  readonly config: TextConfig;
  /** [vocabulary, width], on the CPU: rows are gathered there. */
  readonly tokens: Table;
  /** [maxTokens, width]. */
  readonly positions: Table;
  readonly layers: readonly PreNormLayer[];
  readonly finalNorm: Norm;
};

/** Builds the typed weights by asking `p` for each of the model's parameters exactly once. */
export function buildTextEncoder(config: TextConfig, p: ParameterSource): TextWeights {
  const { width } = config;
  const root = 'text_model';
  return {
    config,
    tokens: p.table(`${root}.embeddings.token_embedding.weight`, config.vocabulary, width),
    positions: p.table(`${root}.embeddings.position_embedding.weight`, config.maxTokens, width),
    layers: Array.from({ length: config.layers }, (_, i) =>
      buildPreNormLayer(p, `${root}.encoder.layers.${i}`, config),
    ),
    finalNorm: norm(p, `${root}.final_layer_norm`, width),
  };
}

/** Every dense layer of the encoder in forward order: what adapters of other tools may sit on. */
export function textDense(w: TextWeights): readonly Linear[] {
  return w.layers.flatMap((layer) => [
    layer.toQ,
    layer.toK,
    layer.toV,
    layer.toOut,
    layer.feedIn,
    layer.feedOut,
  ]);
}

/** The attention projections of the encoder in forward order: the targets of text-encoder adapters. */
export function textTargets(w: TextWeights): readonly Linear[] {
  return w.layers.flatMap((layer) => [layer.toQ, layer.toK, layer.toV, layer.toOut]);
}
