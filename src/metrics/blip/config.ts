/** What decides the shape and arithmetic of a BLIP that answers questions. */
import * as v from 'valibot';
import type { TensorFile } from '../../formats/tensorFile.ts';
import { configError } from '../clip/config.ts';
import type { VisionConfig } from '../vision/weights.ts';

export type BertConfig = {
  readonly vocabulary: number;
  readonly width: number;
  /** Channels of the states that cross attention looks at. */
  readonly contextWidth: number;
  readonly feedWidth: number;
  readonly layers: number;
  readonly heads: number;
  readonly maxTokens: number;
  readonly normEps: number;
};

export type BlipConfig = { readonly vision: VisionConfig; readonly text: BertConfig };

const count = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1 << 24));
const eps = (otherwise: number) =>
  v.optional(v.pipe(v.number(), v.minValue(1e-12), v.maxValue(0.1)), otherwise);

// Heads have no default: the class that reads such files has 8, every published model 12.
const schema = v.looseObject({
  model_type: v.optional(v.literal('blip')),
  text_config: v.looseObject({
    vocab_size: v.optional(count, 30524),
    hidden_size: v.optional(count, 768),
    encoder_hidden_size: v.optional(count, 768),
    intermediate_size: v.optional(count, 3072),
    num_hidden_layers: v.optional(count, 12),
    num_attention_heads: count,
    max_position_embeddings: v.optional(count, 512),
    hidden_act: v.optional(v.literal('gelu'), 'gelu'),
    layer_norm_eps: eps(1e-12),
  }),
  vision_config: v.looseObject({
    hidden_size: v.optional(count, 768),
    intermediate_size: v.optional(count, 3072),
    num_hidden_layers: v.optional(count, 12),
    num_attention_heads: v.optional(count, 12),
    image_size: v.optional(count, 384),
    patch_size: v.optional(count, 16),
    hidden_act: v.optional(v.literal('gelu'), 'gelu'),
    layer_norm_eps: eps(1e-5),
  }),
});

/**
 * Reads config.json of transformers' BlipForQuestionAnswering.
 * @throws StudioError `metric-config` naming the file and the setting
 */
export function parseBlipConfig(json: unknown, file: string): BlipConfig {
  const result = v.safeParse(schema, json);
  if (!result.success) {
    const [issue] = result.issues;
    throw configError(file, `${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`);
  }
  const { text_config: t, vision_config: i } = result.output;
  return checked(
    {
      text: {
        vocabulary: t.vocab_size,
        width: t.hidden_size,
        contextWidth: t.encoder_hidden_size,
        feedWidth: t.intermediate_size,
        layers: t.num_hidden_layers,
        heads: t.num_attention_heads,
        maxTokens: t.max_position_embeddings,
        normEps: t.layer_norm_eps,
      },
      vision: {
        width: i.hidden_size,
        feedWidth: i.intermediate_size,
        layers: i.num_hidden_layers,
        heads: i.num_attention_heads,
        imageSize: i.image_size,
        patchSize: i.patch_size,
        activation: 'gelu',
        normEps: i.layer_norm_eps,
        style: 'blip',
      },
    },
    file,
  );
}

/** Channels of a head in every published BLIP. */
const HEAD_WIDTH = 64;

/** An original checkpoint has no config; its tensors have shapes, and its code the constants of normalization. */
export function originalBlipConfig(file: TensorFile): BlipConfig {
  const shape = (name: string): readonly number[] => {
    const entry = file.entries.get(name);
    if (entry === undefined) throw configError(file.name, `there is no tensor ${name}`);
    return entry.shape;
  };
  const layersOf = (name: (i: number) => string): number => {
    let layers = 0;
    while (file.entries.has(name(layers))) layers++;
    return layers;
  };
  const [width = 0, , patchSize = 0] = shape('visual_encoder.patch_embed.proj.weight');
  const [, tokens = 0] = shape('visual_encoder.pos_embed');
  const [vocabulary = 0, textWidth = 0] = shape('text_encoder.embeddings.word_embeddings.weight');
  const first = 'text_encoder.encoder.layer.0';
  return checked(
    {
      text: {
        vocabulary,
        width: textWidth,
        contextWidth: shape(`${first}.crossattention.self.key.weight`)[1] ?? 0,
        feedWidth: shape(`${first}.intermediate.dense.weight`)[0] ?? 0,
        layers: layersOf((i) => `text_encoder.encoder.layer.${i}.output.dense.weight`),
        heads: textWidth / HEAD_WIDTH,
        maxTokens: shape('text_encoder.embeddings.position_embeddings.weight')[0] ?? 0,
        normEps: 1e-12,
      },
      vision: {
        width,
        feedWidth: shape('visual_encoder.blocks.0.mlp.fc1.weight')[0] ?? 0,
        layers: layersOf((i) => `visual_encoder.blocks.${i}.norm1.weight`),
        heads: width / HEAD_WIDTH,
        imageSize: patchSize * Math.round(Math.sqrt(tokens - 1)),
        patchSize,
        activation: 'gelu',
        normEps: 1e-6,
        style: 'blip',
      },
    },
    file.name,
  );
}

function checked(config: BlipConfig, file: string): BlipConfig {
  for (const [what, tower] of Object.entries(config)) {
    if (!Number.isInteger(tower.width / tower.heads) || !(tower.heads >= 1)) {
      throw configError(file, `${tower.width} ${what} channels cannot be split into ${tower.heads} heads`);
    }
  }
  if (config.vision.imageSize % config.vision.patchSize !== 0 || config.vision.imageSize === 0) {
    throw configError(file, `${config.vision.imageSize} pixels are no multiple of the patches`);
  }
  return config;
}
