import * as v from 'valibot';
import { CONFIG_LIMITS, checkConfig, unsupported, upTo } from '../configCheck.ts';

/** What decides the shape of a UNet2DConditionModel of the SD-1.x and SD-2.x families. */
export type UnetConfig = {
  readonly inChannels: number;
  readonly outChannels: number;
  /** Channels per level, outermost first. */
  readonly channels: readonly number[];
  /** Whether the level's down block has cross attention. */
  readonly downAttention: readonly boolean[];
  /** The same for up blocks, innermost first. */
  readonly upAttention: readonly boolean[];
  readonly layersPerBlock: number;
  readonly transformerLayers: readonly number[];
  /** NUMBER of heads per level: diffusers calls it attention_head_dim, by an old mistake. */
  readonly heads: readonly number[];
  readonly contextWidth: number;
  readonly groups: number;
  readonly normEps: number;
  readonly linearProjection: boolean;
  readonly flipSinToCos: boolean;
  readonly freqShift: number;
  readonly sampleSize: number;
};

const count = upTo(CONFIG_LIMITS.width);
const layers = upTo(CONFIG_LIMITS.layers);
const perLevel = v.union([count, v.array(count)]);
const layersPerLevel = v.union([layers, v.array(layers)]);

const schema = v.object({
  in_channels: v.optional(count, 4),
  out_channels: v.optional(count, 4),
  block_out_channels: v.pipe(v.array(count), v.minLength(1), v.maxLength(8)),
  down_block_types: v.array(v.picklist(['CrossAttnDownBlock2D', 'DownBlock2D'])),
  up_block_types: v.array(v.picklist(['CrossAttnUpBlock2D', 'UpBlock2D'])),
  // Null would mean a network without a middle.
  mid_block_type: v.optional(v.literal('UNetMidBlock2DCrossAttn')),
  layers_per_block: v.optional(layers, 2),
  transformer_layers_per_block: v.optional(layersPerLevel, 1),
  attention_head_dim: v.optional(perLevel, 8),
  num_attention_heads: v.optional(v.nullable(perLevel)),
  cross_attention_dim: v.optional(count, 1280),
  norm_num_groups: v.optional(count, 32),
  norm_eps: v.optional(v.pipe(v.number(), v.minValue(1e-12), v.maxValue(0.1)), 1e-5),
  use_linear_projection: v.optional(v.boolean(), false),
  flip_sin_to_cos: v.optional(v.boolean(), true),
  freq_shift: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), 0),
  sample_size: v.optional(v.nullable(upTo(CONFIG_LIMITS.side))),
  // Arithmetic is float32 throughout, so that asking for upcasting changes nothing.
  upcast_attention: v.optional(v.nullable(v.boolean())),
  // No effect outside training, where the adapters are trained without dropout.
  dropout: v.optional(v.number(), 0),
});

/** Settings whose only implemented value is the one of SD-1.x and SD-2.x. */
const FIXED = {
  _class_name: 'UNet2DConditionModel',
  act_fn: 'silu',
  addition_embed_type_num_heads: 64,
  attention_type: 'default',
  conv_in_kernel: 3,
  conv_out_kernel: 3,
  downsample_padding: 1,
  mid_block_scale_factor: 1,
  resnet_out_scale_factor: 1,
  resnet_time_scale_shift: 'default',
  time_embedding_type: 'positional',
} as const;

/**
 * Reads unet/config.json.
 * @throws StudioError `config-unsupported` naming the setting that is not implemented
 */
export function parseUnetConfig(json: unknown, file = 'unet/config.json'): UnetConfig {
  const c = checkConfig(file, json, schema, FIXED);
  const levels = c.block_out_channels.length;
  const spread = (key: string, value: number | number[]): number[] => {
    const list = typeof value === 'number' ? new Array<number>(levels).fill(value) : value;
    if (list.length !== levels)
      throw unsupported(file, `"${key}" has ${list.length} entries for ${levels} levels`);
    return list;
  };
  if (c.down_block_types.length !== levels)
    throw unsupported(file, `"down_block_types" does not have ${levels} entries`);
  if (c.up_block_types.length !== levels)
    throw unsupported(file, `"up_block_types" does not have ${levels} entries`);
  const heads = spread('attention_head_dim', c.num_attention_heads ?? c.attention_head_dim);
  c.block_out_channels.forEach((channels, i) => {
    if (channels % c.norm_num_groups !== 0) {
      throw unsupported(
        file,
        `${channels} channels cannot be split into ${c.norm_num_groups} groups (norm_num_groups)`,
      );
    }
    if (channels % (heads[i] ?? 1) !== 0) {
      throw unsupported(
        file,
        `${channels} channels cannot be split into ${heads[i]} heads (attention_head_dim)`,
      );
    }
  });
  return {
    inChannels: c.in_channels,
    outChannels: c.out_channels,
    channels: c.block_out_channels,
    downAttention: c.down_block_types.map((t) => t === 'CrossAttnDownBlock2D'),
    upAttention: c.up_block_types.map((t) => t === 'CrossAttnUpBlock2D'),
    layersPerBlock: c.layers_per_block,
    transformerLayers: spread('transformer_layers_per_block', c.transformer_layers_per_block),
    heads,
    contextWidth: c.cross_attention_dim,
    groups: c.norm_num_groups,
    normEps: c.norm_eps,
    linearProjection: c.use_linear_projection,
    flipSinToCos: c.flip_sin_to_cos,
    freqShift: c.freq_shift,
    sampleSize: c.sample_size ?? 64,
  };
}
