import { describe, expect, test } from 'vitest';
import { LDM_FAMILIES } from '../../../src/formats/ldmConfigs.ts';
import { type LdmTensor, mapLdmNames } from '../../../src/formats/ldmKeys.ts';
import { type ParameterSpec, recordParameters } from '../../../src/models/parameters.ts';
import { parseTextConfig } from '../../../src/models/text/config.ts';
import { buildTextEncoder } from '../../../src/models/text/weights.ts';
import { parseUnetConfig } from '../../../src/models/unet/config.ts';
import { buildUnet } from '../../../src/models/unet/weights.ts';
import { parseVaeConfig } from '../../../src/models/vae/config.ts';
import { buildVae } from '../../../src/models/vae/weights.ts';
import {
  clipNames,
  type LdmName,
  ldmUnetNames,
  ldmVaeNames,
  openClipNames,
} from '../../helpers/ldmCheckpoint.ts';

const SHAPE = { levels: 4, layersPerBlock: 2 };

/** The full-size networks of a family: what they expect, and a checkpoint that holds it. */
function fullSize(family: (typeof LDM_FAMILIES)[number]) {
  const textConfig = parseTextConfig(family.text);
  const specs = {
    unet: recordParameters((p) => buildUnet(parseUnetConfig(family.unet), p)),
    vae: recordParameters((p) => buildVae(parseVaeConfig(family.vae), p)),
    text: recordParameters((p) => buildTextEncoder(textConfig, p)),
  };
  const names = (list: readonly ParameterSpec[]) => list.map(({ name }) => name);
  const text = family.contextWidth === 768 ? clipNames(names(specs.text)) : openClipNames(textConfig.layers);
  const shapes = new Map([
    ...checkpointShapes(specs.unet, ldmUnetNames(names(specs.unet), SHAPE)),
    ...checkpointShapes(specs.vae, ldmVaeNames(names(specs.vae), SHAPE), true),
    ...checkpointShapes(specs.text, text),
  ]);
  return { specs, shapes, layers: { textLayers: textConfig.layers } };
}

function checkpointShapes(
  specs: readonly ParameterSpec[],
  names: readonly LdmName[],
  pointwise = false,
): [string, readonly number[]][] {
  const shapes = new Map(specs.map(({ name, shape }) => [name, shape]));
  return names.map(({ name, from }) => {
    const [rows = 0, ...rest] = shapes.get(from[0] as string) ?? [];
    const isPoint = pointwise && /attn_1\.(q|k|v|proj_out)\.weight$/.test(name);
    return [name, [rows * from.length, ...rest, ...(isPoint ? [1, 1] : [])]];
  });
}

const BESIDE: [string, readonly number[]][] = [
  ['alphas_cumprod', [1000]],
  ['model_ema.decay', []],
  ['model_ema.diffusion_modelinput_blocks00weight', [320, 4, 3, 3]],
  ['cond_stage_model.logit_scale', []],
];
const OPEN_CLIP_BESIDE: [string, readonly number[]][] = [
  ['cond_stage_model.model.logit_scale', []],
  ['cond_stage_model.model.text_projection', [1024, 1024]],
  ['cond_stage_model.model.transformer.resblocks.23.ln_1.weight', [1024]],
  ['cond_stage_model.model.transformer.resblocks.23.attn.in_proj_weight', [3072, 1024]],
];

describe.each([
  [LDM_FAMILIES[0], [686, 248, 196]],
  [LDM_FAMILIES[1], [686, 248, 372]],
] as const)('a checkpoint of family %#', (family, counts) => {
  if (family === undefined) throw new Error('no family');
  const { specs, shapes, layers } = fullSize(family);
  const beside = family.contextWidth === 1024 ? [...BESIDE, ...OPEN_CLIP_BESIDE] : BESIDE;
  const parts = mapLdmNames(new Map([...beside, ...shapes]), layers);

  test('gives every tensor of the three networks once, in the shape they expect', () => {
    const sorted = (list: readonly { readonly name: string; readonly shape: readonly number[] }[]) =>
      list.map(({ name, shape }) => `${name} ${shape}`).sort();
    expect([parts.unet.length, parts.vae.length, parts.text.length]).toEqual(counts);
    expect(sorted(parts.unet)).toEqual(sorted(specs.unet));
    expect(sorted(parts.vae)).toEqual(sorted(specs.vae));
    expect(sorted(parts.text)).toEqual(sorted(specs.text));
  });

  test('has every one of its tensors used once, and every row', () => {
    const all = [...parts.unet, ...parts.vae, ...parts.text];
    const rows = new Map<string, number>();
    for (const { from, shape, rows: some } of all)
      rows.set(from, (rows.get(from) ?? 0) + (some?.count ?? shape[0] ?? 0));
    expect(new Map([...rows].sort())).toEqual(
      new Map([...shapes].map(([name, shape]): [string, number] => [name, shape[0] ?? 0]).sort()),
    );
  });
});

test('names are those of the published files', () => {
  const [sd1, sd2] = LDM_FAMILIES.map((family) => fullSize(family));
  if (sd1 === undefined || sd2 === undefined) throw new Error('no families');
  const { unet: unetTensors, vae: vaeTensors, text } = mapLdmNames(sd2.shapes, sd2.layers);
  const origins = (tensors: readonly LdmTensor[]) => new Map(tensors.map(({ name, from }) => [name, from]));
  const unet = origins(unetTensors);
  const vae = origins(vaeTensors);
  // As read in v1-5-pruned-emaonly.safetensors and v2-1_512-ema-pruned.safetensors.
  const published = {
    'conv_in.weight': 'input_blocks.0.0.weight',
    'time_embedding.linear_2.bias': 'time_embed.2.bias',
    'down_blocks.0.downsamplers.0.conv.weight': 'input_blocks.3.0.op.weight',
    'down_blocks.1.resnets.0.conv_shortcut.weight': 'input_blocks.4.0.skip_connection.weight',
    'down_blocks.2.attentions.1.transformer_blocks.0.attn2.to_k.weight':
      'input_blocks.8.1.transformer_blocks.0.attn2.to_k.weight',
    'down_blocks.3.resnets.1.norm1.weight': 'input_blocks.11.0.in_layers.0.weight',
    'mid_block.resnets.1.time_emb_proj.weight': 'middle_block.2.emb_layers.1.weight',
    'up_blocks.0.upsamplers.0.conv.weight': 'output_blocks.2.1.conv.weight',
    'up_blocks.1.upsamplers.0.conv.weight': 'output_blocks.5.2.conv.weight',
    'up_blocks.3.attentions.2.proj_out.weight': 'output_blocks.11.1.proj_out.weight',
    'conv_norm_out.weight': 'out.0.weight',
    'conv_out.bias': 'out.2.bias',
  };
  for (const [name, from] of Object.entries(published))
    expect([name, unet.get(name)]).toEqual([name, `model.diffusion_model.${from}`]);
  expect(vae.get('decoder.up_blocks.0.upsamplers.0.conv.weight')).toBe(
    'first_stage_model.decoder.up.3.upsample.conv.weight',
  );
  expect(vae.get('decoder.up_blocks.3.resnets.0.conv_shortcut.weight')).toBe(
    'first_stage_model.decoder.up.0.block.0.nin_shortcut.weight',
  );
  expect(text.find(({ name }) => name === 'text_model.encoder.layers.22.self_attn.k_proj.weight')).toEqual({
    name: 'text_model.encoder.layers.22.self_attn.k_proj.weight',
    from: 'cond_stage_model.model.transformer.resblocks.22.attn.in_proj_weight',
    shape: [1024, 1024],
    rows: { start: 1024, count: 1024 },
  });
  expect(sd1.shapes.get('cond_stage_model.transformer.text_model.final_layer_norm.bias')).toEqual([768]);
});

test('text encoders without their first word, and buffers, are understood', () => {
  const [family] = LDM_FAMILIES;
  if (family === undefined) throw new Error('no family');
  const { shapes, specs, layers } = fullSize(family);
  const short = new Map(
    [...shapes].map(([name, shape]) => [name.replace('.transformer.text_model.', '.transformer.'), shape]),
  );
  short.set('cond_stage_model.transformer.embeddings.position_ids', [1, 77]);
  expect(
    mapLdmNames(short, layers)
      .text.map(({ name }) => name)
      .sort(),
  ).toEqual(specs.text.map(({ name }) => name).sort());
});

describe('a checkpoint is refused', () => {
  const { shapes, layers } = fullSize(LDM_FAMILIES[1] as (typeof LDM_FAMILIES)[number]);
  const without = (prefix: string) => new Map([...shapes].filter(([name]) => !name.startsWith(prefix)));

  test.each([
    ['without a VAE', without('first_stage_model.'), 'VAE'],
    ['without a text encoder', without('cond_stage_model.'), 'text encoder'],
    ['without a UNet', without('model.'), 'UNet'],
    [
      'with a class embedding',
      new Map([...shapes, ['model.diffusion_model.label_emb.0.0.weight', [1, 1]]]),
      'label_emb',
    ],
    [
      'with a strange layer',
      new Map([...shapes, ['model.diffusion_model.input_blocks.1.2.x.weight', [1]]]),
      'input_blocks.1.2',
    ],
    [
      'with a strange text layer',
      new Map([...shapes, ['cond_stage_model.model.visual.proj', [1]]]),
      'visual',
    ],
  ])('%s', (_, changed, named) => {
    expect(() => mapLdmNames(changed, layers)).toThrowError(
      expect.objectContaining({ code: 'checkpoint-unsupported', message: expect.stringContaining(named) }),
    );
  });
});
