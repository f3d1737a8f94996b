/** Typed weights of BLIP's question encoder and answer decoder, by their names in every checkpoint. */
import { type Linear, linear, type Norm, norm, type ParameterSource } from '../../models/parameters.ts';
import type { Table } from '../../models/table.ts';
import type { Tensor1D } from '../../tensor/tf.ts';
import { buildVision, type VisionWeights } from '../vision/weights.ts';
import type { BertConfig, BlipConfig } from './config.ts';

export type BertAttention = {
  readonly toQ: Linear;
  readonly toK: Linear;
  readonly toV: Linear;
  readonly toOut: Linear;
  readonly norm: Norm;
};

export type BertLayer = {
  readonly self: BertAttention;
  readonly cross: BertAttention;
  readonly feedIn: Linear;
  readonly feedOut: Linear;
  readonly norm: Norm;
};

export type BertWeights = {
  readonly config: BertConfig;
  /** [vocabulary, width] and [maxTokens, width], on the CPU. */
  readonly words: Table;
  readonly positions: Table;
  readonly norm: Norm;
  readonly layers: readonly BertLayer[];
};

export type AnswerWeights = {
  readonly bert: BertWeights;
  readonly transform: Linear;
  readonly transformNorm: Norm;
  /** [vocabulary]; the matrix before it is the table of words. */
  readonly outputBias: Tensor1D;
};

export type BlipWeights = {
  readonly config: BlipConfig;
  readonly vision: VisionWeights;
  readonly question: BertWeights;
  readonly answer: AnswerWeights;
};

/** Asks `p` for each parameter exactly once. */
export function buildBlip(config: BlipConfig, p: ParameterSource): BlipWeights {
  const { width, vocabulary } = config.text;
  const head = 'text_decoder.cls.predictions';
  return {
    config,
    vision: buildVision(config.vision, p),
    question: buildBert(config.text, p, 'text_encoder'),
    answer: {
      bert: buildBert(config.text, p, 'text_decoder.bert'),
      transform: linear(p, `${head}.transform.dense`, width, width, true),
      transformNorm: norm(p, `${head}.transform.LayerNorm`, width),
      outputBias: p.vector(`${head}.bias`, vocabulary),
    },
  };
}

function buildBert(config: BertConfig, p: ParameterSource, root: string): BertWeights {
  const { width, feedWidth, contextWidth } = config;
  const attention = (path: string, inputs: number): BertAttention => ({
    toQ: linear(p, `${path}.self.query`, width, width, true),
    toK: linear(p, `${path}.self.key`, inputs, width, true),
    toV: linear(p, `${path}.self.value`, inputs, width, true),
    toOut: linear(p, `${path}.output.dense`, width, width, true),
    norm: norm(p, `${path}.output.LayerNorm`, width),
  });
  return {
    config,
    words: p.table(`${root}.embeddings.word_embeddings.weight`, config.vocabulary, width),
    positions: p.table(`${root}.embeddings.position_embeddings.weight`, config.maxTokens, width),
    norm: norm(p, `${root}.embeddings.LayerNorm`, width),
    layers: Array.from({ length: config.layers }, (_, i): BertLayer => {
      const path = `${root}.encoder.layer.${i}`;
      return {
        self: attention(`${path}.attention`, width),
        cross: attention(`${path}.crossattention`, contextWidth),
        feedIn: linear(p, `${path}.intermediate.dense`, width, feedWidth, true),
        feedOut: linear(p, `${path}.output.dense`, feedWidth, width, true),
        norm: norm(p, `${path}.output.LayerNorm`, width),
      };
    }),
  };
}
