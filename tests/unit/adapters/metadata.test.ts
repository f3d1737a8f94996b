import { describe, expect, test } from 'vitest';
import type { Adapter } from '../../../src/adapters/adapter.ts';
import { alphaOf, loraMetadata } from '../../../src/adapters/metadata.ts';

const MODULE = 'unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_k';
const header = (config: object): Record<string, string> => ({
  lora_adapter_metadata: JSON.stringify(config),
});

describe('alpha', () => {
  test('is the rank without metadata, or with metadata that cannot be read', () => {
    expect(alphaOf({}, MODULE, 8)).toBe(8);
    expect(alphaOf({ lora_adapter_metadata: '{' }, MODULE, 8)).toBe(8);
    expect(alphaOf({ lora_adapter_metadata: '[1]' }, MODULE, 8)).toBe(8);
    expect(alphaOf(header({ lora_alpha: 'x' }), MODULE, 8)).toBe(8);
  });

  test('is read with and without the component', () => {
    expect(alphaOf(header({ lora_alpha: 3 }), MODULE, 8)).toBe(3);
    expect(alphaOf(header({ 'unet.lora_alpha': 4, 'text_encoder.lora_alpha': 5 }), MODULE, 8)).toBe(4);
  });

  test('of a module may differ by pattern', () => {
    const config = { lora_alpha: 3, alpha_pattern: { 'attn1.to_k': 16, 'attn2.to_k': 32 } };
    expect(alphaOf(header(config), MODULE, 8)).toBe(16);
    expect(alphaOf(header(config), MODULE.replace('to_k', 'to_q'), 8)).toBe(3);
  });

  test('of rsLoRA divides by the root of the rank', () => {
    const alpha = alphaOf(header({ lora_alpha: 4, use_rslora: true }), MODULE, 16);
    expect(alpha / 16).toBe(4 / Math.sqrt(16));
  });
});

test('the header says rank, targets and DoRA per component, and is read back', () => {
  const layer = (module: string) => ({ module }) as Adapter['layers'][number];
  const adapter: Adapter = {
    kind: 'dora',
    rank: 16,
    layers: [
      layer(MODULE),
      layer(MODULE.replace('to_k', 'to_out.0')),
      layer('text_encoder.text_model.encoder.layers.0.self_attn.q_proj'),
    ],
  };
  const text = loraMetadata(adapter);
  const config = JSON.parse(text);
  expect(config).toMatchObject({
    'unet.r': 16,
    'unet.lora_alpha': 16,
    'unet.use_dora': true,
    'unet.target_modules': ['to_k', 'to_out.0'],
    'text_encoder.target_modules': ['q_proj'],
  });
  expect(Object.keys(config)).toEqual([...Object.keys(config)].sort((a, b) => part(a) - part(b)));
  expect(alphaOf({ lora_adapter_metadata: text }, MODULE, 16)).toBe(16);
});

/** The UNet's fields come first. */
function part(key: string): number {
  return key.startsWith('unet.') ? 0 : 1;
}
