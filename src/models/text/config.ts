import * as v from 'valibot';
import { CONFIG_LIMITS, checkConfig, unsupported, upTo } from '../configCheck.ts';

/** What decides the shape and arithmetic of a CLIP text encoder. */
export type TextConfig = {
  readonly vocabulary: number;
  readonly width: number;
  readonly feedWidth: number;
  readonly layers: number;
  readonly heads: number;
  readonly maxTokens: number;
  readonly activation: 'gelu' | 'quick_gelu';
  readonly normEps: number;
  readonly eosTokenId: number;
};

const count = upTo(CONFIG_LIMITS.width);
const schema = v.object({
  vocab_size: upTo(CONFIG_LIMITS.vocabulary),
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: upTo(CONFIG_LIMITS.layers),
  num_attention_heads: count,
  max_position_embeddings: count,
  hidden_act: v.picklist(['gelu', 'quick_gelu']),
  layer_norm_eps: v.optional(v.pipe(v.number(), v.minValue(1e-12), v.maxValue(0.1)), 1e-5),
  eos_token_id: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 2),
  architectures: v.optional(
    v.nullable(v.array(v.picklist(['CLIPTextModel', 'CLIPTextModelWithProjection']))),
  ),
  model_type: v.optional(v.literal('clip_text_model')),
  // Facts about training or the pooled output, none of which reach the hidden states used here.
  attention_dropout: v.optional(v.number()),
  dropout: v.optional(v.number()),
  bos_token_id: v.optional(v.nullable(v.number())),
  pad_token_id: v.optional(v.nullable(v.number())),
  initializer_factor: v.optional(v.number()),
  initializer_range: v.optional(v.number()),
  projection_dim: v.optional(v.number()),
  torch_dtype: v.optional(v.nullable(v.string())),
  dtype: v.optional(v.nullable(v.string())),
  transformers_version: v.optional(v.string()),
});

/**
 * Reads text_encoder/config.json.
 * @throws StudioError `config-unsupported` naming the setting that is not implemented
 */
export function parseTextConfig(json: unknown, file = 'text_encoder/config.json'): TextConfig {
  const c = checkConfig(file, json, schema, {});
  if (c.hidden_size % c.num_attention_heads !== 0) {
    throw unsupported(file, `${c.hidden_size} channels cannot be split into ${c.num_attention_heads} heads`);
  }
  return {
    vocabulary: c.vocab_size,
    width: c.hidden_size,
    feedWidth: c.intermediate_size,
    layers: c.num_hidden_layers,
    heads: c.num_attention_heads,
    maxTokens: c.max_position_embeddings,
    activation: c.hidden_act,
    normEps: c.layer_norm_eps,
    eosTokenId: c.eos_token_id,
  };
}
