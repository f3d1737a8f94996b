/** What decides the shape and arithmetic of a CLIP: a text tower, an image tower, and the width of their common space. */
import * as v from 'valibot';
import { StudioError } from '../../lib/errors.ts';
import type { TextConfig } from '../../models/text/config.ts';
import type { VisionConfig } from '../vision/weights.ts';

export type ClipConfig = {
  readonly text: TextConfig;
  readonly vision: VisionConfig;
  readonly embedWidth: number;
};

const count = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1 << 24));
const eps = v.optional(v.pipe(v.number(), v.minValue(1e-12), v.maxValue(0.1)), 1e-5);
const activation = v.optional(v.picklist(['gelu', 'quick_gelu']), 'quick_gelu');

// Loose: published configs carry dozens of settings of text generation that no CLIP has ever used.
const huggingFace = v.looseObject({
  model_type: v.optional(v.literal('clip')),
  projection_dim: v.optional(count, 512),
  text_config: v.looseObject({
    vocab_size: v.optional(count, 49408),
    hidden_size: v.optional(count, 512),
    intermediate_size: v.optional(count, 2048),
    num_hidden_layers: v.optional(count, 12),
    num_attention_heads: v.optional(count, 8),
    max_position_embeddings: v.optional(count, 77),
    hidden_act: activation,
    layer_norm_eps: eps,
    eos_token_id: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 2),
  }),
  vision_config: v.looseObject({
    hidden_size: v.optional(count, 768),
    intermediate_size: v.optional(count, 3072),
    num_hidden_layers: v.optional(count, 12),
    num_attention_heads: v.optional(count, 12),
    num_channels: v.optional(v.literal(3), 3),
    image_size: v.optional(count, 224),
    patch_size: v.optional(count, 32),
    hidden_act: activation,
    layer_norm_eps: eps,
  }),
});

const openClip = v.looseObject({
  embed_dim: count,
  quick_gelu: v.optional(v.boolean(), false),
  vision_cfg: v.looseObject({
    image_size: v.optional(count, 224),
    layers: count,
    width: count,
    head_width: v.optional(count, 64),
    mlp_ratio: v.optional(v.number(), 4),
    patch_size: v.optional(count, 16),
  }),
  text_cfg: v.looseObject({
    context_length: v.optional(count, 77),
    vocab_size: v.optional(count, 49408),
    width: count,
    heads: count,
    layers: count,
    mlp_ratio: v.optional(v.number(), 4),
  }),
});

/**
 * Reads config.json of transformers' CLIPModel, or the configuration of an open_clip model.
 * @throws StudioError `metric-config` naming the file and the setting
 */
export function parseClipConfig(json: unknown, file: string): ClipConfig {
  const isOpenClip = typeof json === 'object' && json !== null && 'vision_cfg' in json;
  const config = isOpenClip ? fromOpenClip(json, file) : fromHuggingFace(json, file);
  const { text, vision } = config;
  for (const [what, tower] of Object.entries({ text, vision })) {
    if (tower.width % tower.heads !== 0) {
      throw configError(file, `${tower.width} ${what} channels cannot be split into ${tower.heads} heads`);
    }
  }
  if (vision.imageSize % vision.patchSize !== 0) {
    throw configError(file, `${vision.imageSize} pixels are no multiple of patches of ${vision.patchSize}`);
  }
  return config;
}

function fromHuggingFace(json: unknown, file: string): ClipConfig {
  const { text_config: t, vision_config: i, projection_dim } = parse(huggingFace, json, file);
  return {
    embedWidth: projection_dim,
    text: {
      vocabulary: t.vocab_size,
      width: t.hidden_size,
      feedWidth: t.intermediate_size,
      layers: t.num_hidden_layers,
      heads: t.num_attention_heads,
      maxTokens: t.max_position_embeddings,
      activation: t.hidden_act,
      normEps: t.layer_norm_eps,
      eosTokenId: t.eos_token_id,
    },
    vision: {
      width: i.hidden_size,
      feedWidth: i.intermediate_size,
      layers: i.num_hidden_layers,
      heads: i.num_attention_heads,
      imageSize: i.image_size,
      patchSize: i.patch_size,
      activation: i.hidden_act,
      normEps: i.layer_norm_eps,
      style: 'clip',
    },
  };
}

function fromOpenClip(json: unknown, file: string): ClipConfig {
  const { vision_cfg: i, text_cfg: t, embed_dim, quick_gelu } = parse(openClip, json, file);
  const activation = quick_gelu ? 'quick_gelu' : 'gelu';
  return {
    embedWidth: embed_dim,
    text: {
      vocabulary: t.vocab_size,
      width: t.width,
      feedWidth: Math.floor(t.width * t.mlp_ratio),
      layers: t.layers,
      heads: t.heads,
      maxTokens: t.context_length,
      activation,
      normEps: 1e-5,
      // Pooled at the largest id.
      eosTokenId: 2,
    },
    vision: {
      width: i.width,
      feedWidth: Math.floor(i.width * i.mlp_ratio),
      layers: i.layers,
      heads: i.width / i.head_width,
      imageSize: i.image_size,
      patchSize: i.patch_size,
      activation,
      normEps: 1e-5,
      style: 'clip',
    },
  };
}

function parse<S extends v.GenericSchema>(schema: S, json: unknown, file: string): v.InferOutput<S> {
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw configError(file, `${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`);
}

/** The refusal of a checkpoint's configuration. */
export function configError(file: string, problem: string): StudioError {
  return new StudioError('metric-config', `This metric cannot be loaded: in ${file}, ${problem}.`, {
    where: file,
    remedy: 'Choose a checkpoint of the kind that the metric names, with its own configuration.',
  });
}
