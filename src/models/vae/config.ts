import * as v from 'valibot';
import { CONFIG_LIMITS, checkConfig, unsupported, upTo } from '../configCheck.ts';

/** What decides the shape of an AutoencoderKL. */
export type VaeConfig = {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly latentChannels: number;
  readonly channels: readonly number[];
  readonly layersPerBlock: number;
  readonly groups: number;
  /** Latents are multiplied by this after encoding and divided by it before decoding. */
  readonly scalingFactor: number;
  /** Image pixels per latent pixel and side. */
  readonly factor: number;
};

const count = upTo(CONFIG_LIMITS.width);
const layers = upTo(CONFIG_LIMITS.layers);
const schema = v.object({
  in_channels: v.optional(count, 3),
  out_channels: v.optional(count, 3),
  latent_channels: v.optional(count, 4),
  block_out_channels: v.pipe(v.array(count), v.minLength(1), v.maxLength(8)),
  down_block_types: v.array(v.literal('DownEncoderBlock2D')),
  up_block_types: v.array(v.literal('UpDecoderBlock2D')),
  layers_per_block: v.optional(layers, 1),
  norm_num_groups: v.optional(count, 32),
  scaling_factor: v.optional(v.pipe(v.number(), v.minValue(1e-6), v.maxValue(1e6)), 0.18215),
  sample_size: v.optional(v.nullable(v.union([count, v.array(count)]))),
  // Arithmetic is float32 throughout, so that asking for upcasting changes nothing.
  force_upcast: v.optional(v.nullable(v.boolean())),
});

/**
 * Reads vae/config.json.
 * @throws StudioError `config-unsupported` naming the setting that is not implemented
 */
export function parseVaeConfig(json: unknown, file = 'vae/config.json'): VaeConfig {
  const c = checkConfig(file, json, schema, {
    _class_name: 'AutoencoderKL',
    act_fn: 'silu',
    use_quant_conv: true,
    use_post_quant_conv: true,
    mid_block_add_attention: true,
  });
  const levels = c.block_out_channels.length;
  if (c.down_block_types.length !== levels)
    throw unsupported(file, `"down_block_types" does not have ${levels} entries`);
  if (c.up_block_types.length !== levels)
    throw unsupported(file, `"up_block_types" does not have ${levels} entries`);
  for (const channels of c.block_out_channels) {
    if (channels % c.norm_num_groups !== 0) {
      throw unsupported(
        file,
        `${channels} channels cannot be split into ${c.norm_num_groups} groups (norm_num_groups)`,
      );
    }
  }
  return {
    inChannels: c.in_channels,
    outChannels: c.out_channels,
    latentChannels: c.latent_channels,
    channels: c.block_out_channels,
    layersPerBlock: c.layers_per_block,
    groups: c.norm_num_groups,
    scalingFactor: c.scaling_factor,
    factor: 2 ** (levels - 1),
  };
}
