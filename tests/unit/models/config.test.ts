import { describe, expect, test } from 'vitest';
import { countParameters, recordParameters } from '../../../src/models/parameters.ts';
import { modelShape } from '../../../src/models/shape.ts';
import { parseTextConfig } from '../../../src/models/text/config.ts';
import { buildTextEncoder } from '../../../src/models/text/weights.ts';
import { parseUnetConfig } from '../../../src/models/unet/config.ts';
import { buildUnet } from '../../../src/models/unet/weights.ts';
import { parseVaeConfig } from '../../../src/models/vae/config.ts';
import { buildVae, renameOldVaeKey } from '../../../src/models/vae/weights.ts';

/** unet/config.json of stable-diffusion-2-1-base, without the keys that are null. */
const UNET = {
  _class_name: 'UNet2DConditionModel',
  _diffusers_version: '0.10.0.dev0',
  act_fn: 'silu',
  attention_head_dim: [5, 10, 20, 20],
  block_out_channels: [320, 640, 1280, 1280],
  center_input_sample: false,
  cross_attention_dim: 1024,
  down_block_types: ['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D'],
  downsample_padding: 1,
  flip_sin_to_cos: true,
  freq_shift: 0,
  in_channels: 4,
  layers_per_block: 2,
  mid_block_scale_factor: 1,
  norm_eps: 1e-5,
  norm_num_groups: 32,
  out_channels: 4,
  sample_size: 64,
  up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'],
  use_linear_projection: true,
};
const VAE = {
  act_fn: 'silu',
  block_out_channels: [128, 256, 512, 512],
  down_block_types: new Array(4).fill('DownEncoderBlock2D'),
  up_block_types: new Array(4).fill('UpDecoderBlock2D'),
  in_channels: 3,
  latent_channels: 4,
  layers_per_block: 2,
  norm_num_groups: 32,
  out_channels: 3,
  sample_size: 768,
};
const TEXT = {
  architectures: ['CLIPTextModel'],
  hidden_act: 'gelu',
  hidden_size: 1024,
  intermediate_size: 4096,
  max_position_embeddings: 77,
  num_attention_heads: 16,
  num_hidden_layers: 23,
  vocab_size: 49408,
};

describe('parameter lists', () => {
  // Tensors and parameters of the published checkpoints (diffusers 0.27.2, transformers 4.45: sum(p.numel())).
  test.each([
    ['SD-2.1 UNet', recordParameters((p) => buildUnet(parseUnetConfig(UNET), p)), 686, 865_910_724],
    ['SD-2.1 VAE', recordParameters((p) => buildVae(parseVaeConfig(VAE), p)), 248, 83_653_863],
    ['SD-2.1 text', recordParameters((p) => buildTextEncoder(parseTextConfig(TEXT), p)), 372, 340_387_840],
  ])('of the %s have the published size', (_, specs, tensors, parameters) => {
    expect(specs).toHaveLength(tensors);
    expect(new Set(specs.map((s) => s.name)).size).toBe(tensors);
    expect(countParameters(specs)).toBe(parameters);
  });

  test('of an SD-1.5 UNet have 1x1 convolutions and the published size', () => {
    const config = { ...UNET, attention_head_dim: 8, cross_attention_dim: 768, use_linear_projection: false };
    const specs = recordParameters((p) => buildUnet(parseUnetConfig(config), p));
    expect(countParameters(specs)).toBe(859_520_964);
    const projection = specs.find((s) => s.name === 'mid_block.attentions.0.proj_in.weight');
    expect(projection).toMatchObject({ shape: [1280, 1280, 1, 1], kind: 'pointwise' });
  });

  test('of old VAE files are renamed', () => {
    expect(renameOldVaeKey('encoder.mid_block.attentions.0.proj_attn.bias')).toBe(
      'encoder.mid_block.attentions.0.to_out.0.bias',
    );
    expect(renameOldVaeKey('decoder.mid_block.attentions.0.query.weight')).toBe(
      'decoder.mid_block.attentions.0.to_q.weight',
    );
    expect(renameOldVaeKey('encoder.mid_block.attentions.0.to_q.weight')).toBe(
      'encoder.mid_block.attentions.0.to_q.weight',
    );
  });
});

describe('a UNet config', () => {
  test('spreads one number over all levels', () => {
    const config = parseUnetConfig({ ...UNET, attention_head_dim: 8, transformer_layers_per_block: 1 });
    expect(config.heads).toEqual([8, 8, 8, 8]);
    expect(config.transformerLayers).toEqual([1, 1, 1, 1]);
  });

  test.each([
    ['an unknown setting', { class_embed_type: 'timestep' }, '"class_embed_type": "timestep"'],
    ['another class', { _class_name: 'UNet2DModel' }, '"_class_name" is "UNet2DModel"'],
    ['no middle', { mid_block_type: null }, '"mid_block_type" is null'],
    ['another activation', { act_fn: 'gelu' }, '"act_fn" is "gelu", only "silu" is implemented'],
    ['another time embedding', { time_embedding_type: 'fourier' }, '"time_embedding_type" is "fourier"'],
    ['an unknown block', { down_block_types: new Array(4).fill('AttnDownBlock2D') }, '"down_block_types.0"'],
    [
      'lists of other lengths',
      { attention_head_dim: [5, 10] },
      '"attention_head_dim" has 2 entries for 4 levels',
    ],
    ['too few blocks', { up_block_types: ['UpBlock2D'] }, '"up_block_types" does not have 4 entries'],
    ['indivisible groups', { norm_num_groups: 48 }, '320 channels cannot be split into 48 groups'],
    ['indivisible heads', { attention_head_dim: 7 }, '320 channels cannot be split into 7 heads'],
    ['no channels', { block_out_channels: undefined }, '"block_out_channels" is missing'],
    ['a wrong type', { norm_eps: '1e-5' }, '"norm_eps" is "1e-5"'],
  ])('with %s is refused by name', (_, change, message) => {
    expect(() => parseUnetConfig({ ...UNET, ...change })).toThrow(message);
  });

  test.each([
    ['null', { class_embed_type: null }],
    ['false', { dual_cross_attention: false }],
    ['the implemented value', { conv_in_kernel: 3, resnet_time_scale_shift: 'default' }],
    ['a private key', { _name_or_path: '../models' }],
  ])('may have a setting that is %s', (_, change) => {
    expect(parseUnetConfig({ ...UNET, ...change })).toEqual(parseUnetConfig(UNET));
  });

  test('has to be an object', () => {
    for (const json of [[], null, 'unet', 3])
      expect(() => parseUnetConfig(json)).toThrow('not a JSON object');
  });
});

describe('a config that asks for what no device could hold', () => {
  const parse = { unet: parseUnetConfig, vae: parseVaeConfig, text: parseTextConfig };
  const shapeOf = (part: 'unet' | 'vae' | 'text', change: object) => () =>
    modelShape({
      unet: parse.unet(part === 'unet' ? { ...UNET, ...change } : UNET),
      vae: parse.vae(part === 'vae' ? { ...VAE, ...change } : VAE),
      text: parse.text(part === 'text' ? { ...TEXT, ...change } : TEXT),
    });

  test.each([
    ['text', { num_hidden_layers: 1 << 24 }, '"num_hidden_layers" is 16777216'],
    ['text', { vocab_size: 1 << 24 }, '"vocab_size" is 16777216'],
    ['text', { max_position_embeddings: 1 << 24 }, '"max_position_embeddings"'],
    ['text', { vocab_size: 1 << 20 }, 'token_embedding.weight would be [1048576,1024]'],
    [
      'text',
      { hidden_size: 16384, intermediate_size: 16384, vocab_size: 1000, num_hidden_layers: 128 },
      'parameters, more than any device holds',
    ],
    ['unet', { layers_per_block: 65536 }, '"layers_per_block" is 65536'],
    ['unet', { transformer_layers_per_block: [1, 2, 65536, 1] }, '"transformer_layers_per_block'],
    ['unet', { sample_size: 65536 }, '"sample_size" is 65536'],
    ['unet', { block_out_channels: [320, 640, 1280, 65280] }, 'more than any GPU binds at once'],
    ['vae', { layers_per_block: 1000 }, '"layers_per_block" is 1000'],
  ] as const)('is refused at once: %s %j', (part, change, message) => {
    expect(shapeOf(part, change)).toThrow(message);
  });

  test('and no other is', () => {
    expect(
      modelShape({ unet: parse.unet(UNET), vae: parse.vae(VAE), text: parse.text(TEXT) }).specs.unet,
    ).toHaveLength(686);
  });
});

describe('other configs', () => {
  test('of a VAE name what is not implemented', () => {
    expect(parseVaeConfig(VAE)).toMatchObject({ factor: 8, scalingFactor: 0.18215 });
    expect(() => parseVaeConfig({ ...VAE, use_quant_conv: false })).toThrow('"use_quant_conv" is false');
    expect(parseVaeConfig({ ...VAE, use_quant_conv: true })).toEqual(parseVaeConfig(VAE));
    expect(() => parseVaeConfig({ ...VAE, shift_factor: 0.1 })).toThrow('"shift_factor"');
    expect(() => parseVaeConfig({ ...VAE, act_fn: 'relu' })).toThrow('"act_fn" is "relu"');
    expect(() => parseVaeConfig({ ...VAE, _class_name: 'VQModel' })).toThrow('"_class_name" is "VQModel"');
    expect(() => parseVaeConfig({ ...VAE, norm_num_groups: 96 })).toThrow('96 groups');
  });

  test('of a text encoder name what is not implemented', () => {
    expect(parseTextConfig({ ...TEXT, hidden_act: 'quick_gelu' }).activation).toBe('quick_gelu');
    expect(() => parseTextConfig({ ...TEXT, hidden_act: 'relu' })).toThrow('"hidden_act" is "relu"');
    expect(() => parseTextConfig({ ...TEXT, num_attention_heads: 12 })).toThrow('12 heads');
    expect(() => parseTextConfig({ ...TEXT, architectures: ['T5EncoderModel'] })).toThrow(
      '"architectures.0"',
    );
    expect(() => parseTextConfig({ ...TEXT, model_type: 'siglip_text_model' })).toThrow('"model_type"');
  });
});
