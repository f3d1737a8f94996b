// The small files of the model folders that a rehearsal writes: Stable Diffusion 2.1 base as it is published (without
// the files that no reader of weights needs), and a tiny relative for a rehearsal of the rehearsal.

import { type ModelShape, modelShape } from '../../src/models/shape.ts';
import { parseTextConfig } from '../../src/models/text/config.ts';
import { parseUnetConfig } from '../../src/models/unet/config.ts';
import { parseVaeConfig } from '../../src/models/vae/config.ts';

export type ModelConfigs = {
  readonly unet: Readonly<Record<string, unknown>>;
  readonly vae: Readonly<Record<string, unknown>>;
  readonly textEncoder: Readonly<Record<string, unknown>> & {
    readonly vocab_size: number;
    readonly max_position_embeddings: number;
  };
};

export const SD21_BASE: ModelConfigs = {
  unet: {
    _class_name: 'UNet2DConditionModel',
    _diffusers_version: '0.10.0.dev0',
    act_fn: 'silu',
    attention_head_dim: [5, 10, 20, 20],
    block_out_channels: [320, 640, 1280, 1280],
    center_input_sample: false,
    cross_attention_dim: 1024,
    down_block_types: ['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D'],
    downsample_padding: 1,
    dual_cross_attention: false,
    flip_sin_to_cos: true,
    freq_shift: 0,
    in_channels: 4,
    layers_per_block: 2,
    mid_block_scale_factor: 1,
    norm_eps: 1e-5,
    norm_num_groups: 32,
    num_class_embeds: null,
    only_cross_attention: false,
    out_channels: 4,
    sample_size: 64,
    up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'],
    use_linear_projection: true,
  },
  vae: {
    _class_name: 'AutoencoderKL',
    _diffusers_version: '0.10.0.dev0',
    act_fn: 'silu',
    block_out_channels: [128, 256, 512, 512],
    down_block_types: [
      'DownEncoderBlock2D',
      'DownEncoderBlock2D',
      'DownEncoderBlock2D',
      'DownEncoderBlock2D',
    ],
    in_channels: 3,
    latent_channels: 4,
    layers_per_block: 2,
    norm_num_groups: 32,
    out_channels: 3,
    sample_size: 768,
    up_block_types: ['UpDecoderBlock2D', 'UpDecoderBlock2D', 'UpDecoderBlock2D', 'UpDecoderBlock2D'],
  },
  textEncoder: {
    architectures: ['CLIPTextModel'],
    attention_dropout: 0,
    bos_token_id: 0,
    dropout: 0,
    eos_token_id: 2,
    hidden_act: 'gelu',
    hidden_size: 1024,
    initializer_factor: 1,
    initializer_range: 0.02,
    intermediate_size: 4096,
    layer_norm_eps: 1e-5,
    max_position_embeddings: 77,
    model_type: 'clip_text_model',
    num_attention_heads: 16,
    num_hidden_layers: 23,
    pad_token_id: 1,
    projection_dim: 512,
    torch_dtype: 'float16',
    transformers_version: '4.25.0.dev0',
    vocab_size: 49408,
  },
};

/** The same kinds of layers in all three networks, two levels, one and a half million parameters. */
export const TINY: ModelConfigs = {
  unet: {
    ...SD21_BASE.unet,
    attention_head_dim: [2, 4],
    block_out_channels: [32, 64],
    cross_attention_dim: 32,
    down_block_types: ['CrossAttnDownBlock2D', 'DownBlock2D'],
    layers_per_block: 1,
    sample_size: 16,
    up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D'],
  },
  vae: {
    ...SD21_BASE.vae,
    block_out_channels: [32, 64],
    down_block_types: ['DownEncoderBlock2D', 'DownEncoderBlock2D'],
    layers_per_block: 1,
    sample_size: 32,
    up_block_types: ['UpDecoderBlock2D', 'UpDecoderBlock2D'],
  },
  textEncoder: {
    ...SD21_BASE.textEncoder,
    hidden_size: 32,
    intermediate_size: 64,
    num_attention_heads: 2,
    num_hidden_layers: 2,
    vocab_size: 1000,
  },
};

export const MODEL_INDEX = {
  _class_name: 'StableDiffusionPipeline',
  _diffusers_version: '0.10.0.dev0',
  feature_extractor: [null, null],
  requires_safety_checker: false,
  safety_checker: [null, null],
  scheduler: ['diffusers', 'PNDMScheduler'],
  text_encoder: ['transformers', 'CLIPTextModel'],
  tokenizer: ['transformers', 'CLIPTokenizer'],
  unet: ['diffusers', 'UNet2DConditionModel'],
  vae: ['diffusers', 'AutoencoderKL'],
};

export const SCHEDULER = {
  _class_name: 'PNDMScheduler',
  _diffusers_version: '0.10.0.dev0',
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  beta_start: 0.00085,
  clip_sample: false,
  num_train_timesteps: 1000,
  prediction_type: 'epsilon',
  set_alpha_to_one: false,
  skip_prk_steps: true,
  steps_offset: 1,
  trained_betas: null,
};

/** The networks of such a folder. */
export function shapeOf({ unet, vae, textEncoder }: ModelConfigs): ModelShape {
  return modelShape({
    unet: parseUnetConfig(unet),
    vae: parseVaeConfig(vae),
    text: parseTextConfig(textEncoder),
  });
}
