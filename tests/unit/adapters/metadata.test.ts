import { describe, expect, test } from 'vitest';
import { loraMetadata, readLoraConfig } from '../../../src/adapters/metadata.ts';

const MODULE = 'unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_k';
const read = (config: unknown) => readLoraConfig(JSON.stringify(config), 'adapter_config.json');
const alphaOf = (config: unknown, module: string, rank: number): number => read(config).alphaOf(module, rank);

describe('alpha', () => {
  test('is the rank where the settings say nothing', () => {
    expect(alphaOf({}, MODULE, 8)).toBe(8);
    expect(alphaOf({ lora_alpha: null, alpha_pattern: null }, MODULE, 8)).toBe(8);
  });

  test('is read with and without the component', () => {
    expect(alphaOf({ lora_alpha: 3 }, MODULE, 8)).toBe(3);
    expect(alphaOf({ 'unet.lora_alpha': 4, 'text_encoder.lora_alpha': 5 }, MODULE, 8)).toBe(4);
  });

  test('of a module may differ by pattern, which is a regular expression for the end of its path', () => {
    const config = { lora_alpha: 3, alpha_pattern: { 'attn1.to_k': 16, 'attn2.to_[kv]': 32, o_q: 64 } };
    expect(alphaOf(config, MODULE, 8)).toBe(16);
    expect(alphaOf(config, MODULE.replace('attn1.to_k', 'attn2.to_v'), 8)).toBe(32);
    // No part of a name is enough.
    expect(alphaOf(config, MODULE.replace('to_k', 'to_q'), 8)).toBe(3);
  });

  test('of rsLoRA divides by the root of the rank', () => {
    expect(alphaOf({ lora_alpha: 4, use_rslora: true }, MODULE, 16) / 16).toBe(4 / Math.sqrt(16));
  });
});

describe('the settings', () => {
  test('tell patterns that fit nothing', () => {
    const config = read({ alpha_pattern: { to_k: 4, to_z: 2 }, rank_pattern: { 'blocks.9': 4 } });
    config.alphaOf(MODULE, 8);
    expect(config.unmatched()).toEqual(['alpha_pattern to_z', 'rank_pattern blocks.9']);
  });

  test.each([
    ['{', 'it is not JSON'],
    ['[1]', 'not a table'],
    ['{"lora_alpha":"x"}', 'lora_alpha'],
    ['{"lora_alpha":1e999}', 'lora_alpha'],
    ['{"alpha_pattern":{"(a+)+":1}}', 'not supported'],
    ['{"rank_pattern":{"to_k":4}}', 'rank 4, the file has rank 8'],
  ])('%s are refused', (text, problem) => {
    const use = () => readLoraConfig(text, 'adapter_config.json').alphaOf(MODULE, 8);
    expect(use).toThrow(expect.objectContaining({ code: 'adapter-config-invalid' }));
    expect(use).toThrow(problem);
  });
});

describe('the header', () => {
  const layer = (module: string, rank = 16) => ({ module, update: { rank } });
  const TEXT = 'text_encoder.text_model.encoder.layers.0.self_attn.q_proj';

  test('says rank, targets and DoRA per component, in fields that every peft has, and is read back', () => {
    const text = loraMetadata([layer(MODULE), layer(MODULE.replace('to_k', 'to_out.0')), layer(TEXT)], true);
    expect(JSON.parse(text)).toEqual({
      'unet.alpha_pattern': {},
      'unet.lora_alpha': 16,
      'unet.lora_dropout': 0,
      'unet.r': 16,
      'unet.rank_pattern': {},
      'unet.target_modules': ['to_k', 'to_out.0'],
      'unet.use_dora': true,
      'unet.use_rslora': false,
      'text_encoder.alpha_pattern': {},
      'text_encoder.lora_alpha': 16,
      'text_encoder.lora_dropout': 0,
      'text_encoder.r': 16,
      'text_encoder.rank_pattern': {},
      'text_encoder.target_modules': ['q_proj'],
      'text_encoder.use_dora': true,
      'text_encoder.use_rslora': false,
    });
    expect(readLoraConfig(text, 'header').alphaOf(MODULE, 16)).toBe(16);
  });

  test('names layers of another rank, and whole paths where endings would say too much', () => {
    const conv = 'unet.down_blocks.0.resnets.0.conv1';
    const text = loraMetadata([layer(MODULE), layer(MODULE.replace('to_k', 'to_q')), layer(conv, 4)], false);
    const config = JSON.parse(text);
    expect(config['unet.r']).toBe(16);
    expect(config['unet.rank_pattern']).toEqual({ 'down_blocks.0.resnets.0.conv1': 4 });
    expect(config['unet.target_modules']).toContain('down_blocks.0.resnets.0.conv1');
    const again = readLoraConfig(text, 'header');
    expect([again.alphaOf(MODULE, 16), again.alphaOf(conv, 4)]).toEqual([16, 4]);
  });
});
