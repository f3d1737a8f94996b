import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AdapterPart,
  parseAdapterKey,
  toDiffusersKey,
  toKohyaKey,
  toPeftKey,
} from '../../../src/formats/adapterKeys.ts';

type Shapes = Record<string, number[]>;
type Golden = {
  modules: { module: string; keys: Record<'peft' | 'diffusers' | 'diffusersNew' | 'kohya', Shapes> }[];
  inMemory: { version: string; memory: Record<string, string[]> }[];
};
const golden = JSON.parse(readFileSync('tests/golden/adapterKeys.json', 'utf8')) as Golden;

const TEXT_MODULE = 'text_encoder.text_model.encoder.layers.11.self_attn.q_proj';
const modules = new Set([
  ...golden.modules.map(({ module }) => `unet.${module}`),
  ...golden.inMemory.flatMap(({ memory }) => Object.keys(memory).map((module) => `unet.${module}`)),
  ...['q_proj', 'k_proj', 'v_proj', 'out_proj'].map((name) => TEXT_MODULE.replace('q_proj', name)),
]);
const PARTS = ['down', 'up', 'magnitude'] as const;

/** Which part a tensor must be, told from its shape alone: rank 32 in all golden keys. */
function partOfShape(shape: number[]): AdapterPart {
  if (shape.length === 0) return 'alpha';
  if (shape.length === 1 || shape[1] === 1) return 'magnitude';
  return shape[0] === 32 ? 'down' : 'up';
}

describe.each(golden.modules)('$module', ({ module, keys }) => {
  const name = `unet.${module}`;

  it('is named as diffusers, peft and kohya name it', () => {
    expect(PARTS.map((part) => toDiffusersKey(name, part))).toEqual(Object.keys(keys.diffusers));
    expect(PARTS.map((part) => toPeftKey(name, part))).toEqual(Object.keys(keys.peft));
    const kohya = (['down', 'up', 'alpha', 'magnitude'] as const).map((part) => toKohyaKey(name, part));
    expect(kohya).toEqual(Object.keys(keys.kohya));
  });

  it.each(['diffusers', 'diffusersNew', 'peft', 'kohya'] as const)('is found in %s files', (format) => {
    for (const [key, shape] of Object.entries(keys[format])) {
      expect(parseAdapterKey(key, modules)).toMatchObject({ module: name, part: partOfShape(shape) });
    }
  });
});

it.each(golden.inMemory)('reads parameter names of $version', ({ memory }) => {
  for (const [module, keys] of Object.entries(memory)) {
    const parts = keys.map((key) => {
      const parsed = parseAdapterKey(`base_model.model.${key}`, modules);
      expect(parsed).toMatchObject({ module: `unet.${module}`, format: 'peft' });
      return parsed?.part;
    });
    expect(parts).toEqual(PARTS);
  }
});

describe('text encoder', () => {
  it('has names of its own', () => {
    expect(PARTS.map((part) => toDiffusersKey(TEXT_MODULE, part))).toEqual([
      'text_encoder.text_model.encoder.layers.11.self_attn.q_proj.lora_linear_layer.down.weight',
      'text_encoder.text_model.encoder.layers.11.self_attn.q_proj.lora_linear_layer.up.weight',
      'text_encoder.text_model.encoder.layers.11.self_attn.q_proj.lora_magnitude_vector',
    ]);
    expect(toPeftKey(TEXT_MODULE, 'down')).toBe(
      'text_model.encoder.layers.11.self_attn.q_proj.lora_A.weight',
    );
    expect(toKohyaKey(TEXT_MODULE, 'alpha')).toBe(
      'lora_te_text_model_encoder_layers_11_self_attn_q_proj.alpha',
    );
  });
});

it('reads what older versions of diffusers wrote', () => {
  const block = 'unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1';
  const out = 'unet.up_blocks.3.attentions.2.transformer_blocks.0.attn2';
  const cases = {
    [`${block}.processor.to_q_lora.down.weight`]: [`${block}.to_q`, 'down'],
    [`${out}.processor.to_out_lora.up.weight`]: [`${out}.to_out.0`, 'up'],
    [TEXT_MODULE.replace('q_proj', 'to_q_lora.up.weight')]: [TEXT_MODULE, 'up'],
    [TEXT_MODULE.replace('q_proj', 'to_out_lora.up.weight')]: [
      TEXT_MODULE.replace('q_proj', 'out_proj'),
      'up',
    ],
  };
  for (const [key, [module, part]] of Object.entries(cases)) {
    expect(parseAdapterKey(key, modules)).toEqual({ module, part, format: 'diffusers' });
  }
});

it.each([
  [
    '',
    'unet.lora.down.weight',
    'conv_in.weight',
    'lora_unet_.alpha',
    '.alpha',
    'unet.mid_block.lora_A.weight',
  ],
  ['lora_te2_text_model_encoder_layers_11_self_attn_q_proj.alpha', `${TEXT_MODULE}.lora_A.bias`],
])('answers undefined for keys of other things', (...keys) => {
  for (const key of keys) expect(parseAdapterKey(key, modules)).toBeUndefined();
});

it('returns every key it can write, and never fails on others', () => {
  const module = fc.constantFrom(...modules);
  fc.assert(
    fc.property(module, fc.constantFrom(...PARTS), (name, part) => {
      expect(parseAdapterKey(toDiffusersKey(name, part), modules)).toMatchObject({ module: name, part });
      expect(parseAdapterKey(toPeftKey(name, part), modules)).toMatchObject({ module: name, part });
      expect(parseAdapterKey(toKohyaKey(name, part), modules)).toMatchObject({ module: name, part });
    }),
  );
  const suffix = fc.constantFrom('', '.alpha', '.lora_A.weight', '.lora.up.weight', '.dora_scale');
  fc.assert(
    fc.property(fc.string(), suffix, (text, end) => {
      expect(parseAdapterKey(text + end, modules)).toBeUndefined();
    }),
  );
});
