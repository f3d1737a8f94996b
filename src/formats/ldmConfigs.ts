/**
 * Configs of the networks that come as single-file checkpoints without any, as published with the same models in
 * diffusers layout. Which of them applies shows in the width of the UNet's text input.
 */
export type LdmFamily = {
  readonly title: string;
  /** Width of the text encoder's output. */
  readonly contextWidth: number;
  readonly unet: object;
  readonly vae: object;
  readonly text: { readonly num_hidden_layers: number; readonly [setting: string]: unknown };
  readonly tokenizer: object;
  readonly specialTokens: object;
  /** Latent size that the network was trained at, by what it predicts. */
  readonly sampleSize: { readonly epsilon: number; readonly v_prediction: number };
};

const UNET = {
  _class_name: 'UNet2DConditionModel',
  act_fn: 'silu',
  block_out_channels: [320, 640, 1280, 1280],
  center_input_sample: false,
  down_block_types: ['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D'],
  up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'],
  downsample_padding: 1,
  flip_sin_to_cos: true,
  freq_shift: 0,
  in_channels: 4,
  out_channels: 4,
  layers_per_block: 2,
  mid_block_scale_factor: 1,
  norm_eps: 1e-5,
  norm_num_groups: 32,
};

const VAE = {
  _class_name: 'AutoencoderKL',
  act_fn: 'silu',
  block_out_channels: [128, 256, 512, 512],
  down_block_types: new Array<string>(4).fill('DownEncoderBlock2D'),
  up_block_types: new Array<string>(4).fill('UpDecoderBlock2D'),
  in_channels: 3,
  out_channels: 3,
  latent_channels: 4,
  layers_per_block: 2,
  norm_num_groups: 32,
  scaling_factor: 0.18215,
};

const TOKENIZER = {
  model_max_length: 77,
  bos_token: '<|startoftext|>',
  eos_token: '<|endoftext|>',
  unk_token: '<|endoftext|>',
  pad_token: '<|endoftext|>',
};

const TEXT = { vocab_size: 49408, max_position_embeddings: 77, layer_norm_eps: 1e-5 };

export const LDM_FAMILIES: readonly LdmFamily[] = [
  {
    title: 'Stable Diffusion 1.x',
    contextWidth: 768,
    unet: { ...UNET, cross_attention_dim: 768, attention_head_dim: 8 },
    vae: VAE,
    text: {
      ...TEXT,
      hidden_size: 768,
      intermediate_size: 3072,
      num_hidden_layers: 12,
      num_attention_heads: 12,
      hidden_act: 'quick_gelu',
    },
    tokenizer: TOKENIZER,
    specialTokens: { pad_token: '<|endoftext|>' },
    sampleSize: { epsilon: 64, v_prediction: 64 },
  },
  {
    title: 'Stable Diffusion 2.x',
    contextWidth: 1024,
    unet: {
      ...UNET,
      cross_attention_dim: 1024,
      attention_head_dim: [5, 10, 20, 20],
      use_linear_projection: true,
    },
    vae: VAE,
    text: {
      ...TEXT,
      hidden_size: 1024,
      intermediate_size: 4096,
      num_hidden_layers: 23,
      num_attention_heads: 16,
      hidden_act: 'gelu',
    },
    tokenizer: TOKENIZER,
    // OpenCLIP pads with token 0.
    specialTokens: { pad_token: '!' },
    sampleSize: { epsilon: 64, v_prediction: 96 },
  },
];

/** scheduler/scheduler_config.json of all of them but for what is predicted. */
export const LDM_SCHEDULER = {
  _class_name: 'PNDMScheduler',
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  num_train_timesteps: 1000,
  clip_sample: false,
  set_alpha_to_one: false,
  skip_prk_steps: true,
  steps_offset: 1,
  trained_betas: null,
};
