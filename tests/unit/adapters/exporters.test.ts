// Every format, read by the arithmetic of the programs it is made for, gives the weights of the adapter.

import { describe, expect, test } from 'vitest';
import { adaptedWeight, effectiveDifference, frobenius } from '../../../src/adapters/effective.ts';
import type { ExportContext } from '../../../src/adapters/export/exporter.ts';
import { EXPORTERS } from '../../../src/adapters/export/exporters.ts';
import { readAdapterFile } from '../../../src/adapters/import/readFile.ts';
import type { PlainAdapter, PlainLayer } from '../../../src/adapters/plain.ts';
import { EXPORT_NAMES, type ExportFormat } from '../../../src/contract/adapterFiles.ts';
import { openSafetensors, type SafetensorsFile } from '../../../src/formats/safetensors.ts';
import { streamSafetensors } from '../../../src/formats/safetensorsStream.ts';
import { bytesSource, concatBytes } from '../../../src/lib/bytes.ts';
import { type Frozen, readAsComfy, readAsDiffusers, readAsKohya } from '../../helpers/adapterReaders.ts';
import { FROZEN, frozen, type Kind, makeAdapter, shapes } from '../../helpers/plainAdapters.ts';

const FORMATS = EXPORT_NAMES.filter((name) => name !== 'merged');
const CONTEXT: ExportContext = {
  frozen,
  rank: 64,
  half: false,
  contextWidth: 1024,
  notes: { mi_tune: '{}' },
};

async function write(
  format: ExportFormat,
  adapter: PlainAdapter,
  context: Partial<ExportContext> = {},
): Promise<{ bytes: Uint8Array; file: SafetensorsFile; losses: ReadonlyMap<string, number> }> {
  const { tensors, metadata, losses } = await EXPORTERS[format](adapter, { ...CONTEXT, ...context });
  const pieces: Uint8Array[] = [];
  for await (const piece of streamSafetensors(tensors, metadata)) pieces.push(piece);
  const bytes = concatBytes(pieces);
  const file = await openSafetensors(bytesSource(bytes, `${format}.safetensors`));
  return { bytes, file, losses: new Map(losses.map((loss) => [loss.module, loss.residual])) };
}

/** Largest ||W' read - W'|| / ||W' - W|| over the layers, and the layers' names with it. */
async function errors(
  adapter: PlainAdapter,
  read: (layer: Frozen) => Promise<number[]>,
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  for (const layer of FROZEN) {
    const plain = adapter.layers.find(({ module }) => module === layer.module) as PlainLayer;
    const wanted = adaptedWeight(plain, layer.w).data;
    const got = await read(layer);
    expect(got).toHaveLength(wanted.length);
    const size = frobenius((await effectiveDifference(plain, frozen)).data);
    found.set(layer.module, frobenius(Float64Array.from(wanted, (x, k) => (got[k] as number) - x)) / size);
  }
  return found;
}
const worst = (map: ReadonlyMap<string, number>): number => Math.max(...map.values());
/** Of float32 parameters, in parts of the difference, which is about a third of the weight. */
const ROUNDING = 2e-6;

describe.each(['lora', 'dora', 'doraOfInputs', 'difference'] as Kind[])('an adapter of kind %s', (kind) => {
  const adapter = makeAdapter(kind);

  test('is the same in diffusers, as far as its form goes there', async () => {
    const { file, losses } = await write('diffusers', adapter);
    expect(worst(await errors(adapter, (layer) => readAsDiffusers(file, layer)))).toBeLessThan(ROUNDING);
    expect(losses.size).toBe(kind === 'lora' || kind === 'dora' ? 0 : FROZEN.length);
  });

  test('in low rank is read alike by every program, with no more than the error it states', async () => {
    for (const rank of [64, 3]) {
      const { file, losses } = await write('kohya', adapter, { rank });
      for (const read of [readAsComfy, readAsKohya]) {
        for (const [module, error] of await errors(adapter, (layer) => read(file, layer)))
          expect(error).toBeLessThan((losses.get(module) ?? 0) + ROUNDING);
      }
      if (kind === 'lora') expect(losses.size).toBe(0);
      else expect(losses.size).toBe(FROZEN.length);
      // The stated error is the real one, not a bound that always holds.
      if (kind !== 'lora' && rank === 3) {
        const real = await errors(adapter, (layer) => readAsKohya(file, layer));
        for (const [module, residual] of losses) expect(residual).toBeCloseTo(real.get(module) as number, 4);
        expect(worst(losses)).toBeGreaterThan(0.05);
      }
    }
  });

  test('as a difference is exact in every program, at any strength', async () => {
    const { file } = await write('diff', adapter);
    for (const read of [readAsComfy, readAsKohya])
      expect(worst(await errors(adapter, (layer) => read(file, layer)))).toBeLessThan(ROUNDING);
    const halves = await write('diff', adapter, { half: true });
    const error = worst(await errors(adapter, (layer) => readAsComfy(halves.file, layer)));
    expect(error).toBeLessThan(2 ** -11);
    expect(error).toBeGreaterThan(2 ** -14);
    const plain = adapter.layers[0] as PlainLayer;
    const layer = FROZEN[0] as Frozen;
    const half = await readAsComfy(file, layer, 0.5);
    const whole = adaptedWeight(plain, layer.w).data;
    for (const [k, x] of half.entries())
      expect(x).toBeCloseTo(((whole[k] as number) + (layer.w[k] as number)) / 2, 5);
  });

  test('is exact in ComfyUI as its DoRA', async () => {
    const { file } = await write('comfyui', adapter);
    expect(worst(await errors(adapter, (layer) => readAsComfy(file, layer)))).toBeLessThan(ROUNDING);
  });

  test.each(FORMATS)(
    'comes back from a file of format %s, which saved again has the same bytes',
    async (format) => {
      const first = await write(format, adapter);
      const read = await readAdapterFile(first.file, shapes);
      const error = await errors(read.adapter, (layer) =>
        format === 'diffusers' ? readAsDiffusers(first.file, layer) : readAsComfy(first.file, layer),
      );
      expect(worst(error)).toBeLessThan(ROUNDING);
      const again = await write(format, read.adapter, { notes: {} });
      const third = await write(format, (await readAdapterFile(again.file, shapes)).adapter, { notes: {} });
      expect(third.bytes).toEqual(again.bytes);
      for (const name of first.file.entries.keys())
        expect(await again.file.readRaw(name), name).toEqual(await first.file.readRaw(name));
    },
  );
});

describe('a DoRA for ComfyUI', () => {
  const adapter = makeAdapter('dora');

  test('is what its header says: exact at strength 1 only, and another thing to A1111', async () => {
    const { file } = await write('comfyui', adapter);
    expect(file.metadata.mi_tune_format).toContain('strength 1 only');
    expect(file.metadata.mi_tune_dora_scale).toBe('over the norm of the frozen weight');
    expect(worst(await errors(adapter, (layer) => readAsKohya(file, layer)))).toBeGreaterThan(0.1);
  });

  test('without the correction ComfyUI would be wrong', async () => {
    // The magnitudes as PEFT has them, under kohya's names.
    const uncorrected: PlainAdapter = {
      layers: adapter.layers.map((layer) => ({
        ...layer,
        magnitude: layer.magnitude && { ...layer.magnitude, over: 'frozen' as const },
      })),
    };
    const { file } = await write('comfyui', uncorrected);
    expect(worst(await errors(adapter, (layer) => readAsComfy(file, layer)))).toBeGreaterThan(0.05);
  });
});

test('the headers say what loaders ask for', async () => {
  const sd2 = await write('kohya', makeAdapter('lora'));
  expect(sd2.file.metadata).toMatchObject({
    format: 'pt',
    ss_network_module: 'networks.lora',
    ss_network_dim: '3',
    ss_network_alpha: '7.5',
    ss_v2: 'True',
    mi_tune: '{}',
    mi_tune_format: 'LoRA, exact',
  });
  const sd1 = await write('kohya', makeAdapter('dora'), { contextWidth: 768, rank: 2 });
  expect(sd1.file.metadata).toMatchObject({ ss_v2: 'False', ss_network_dim: '2' });
  expect(sd1.file.metadata.mi_tune_format).toMatch(/largest relative residual of a layer 0\.\d+/);
  const diffusers = await write('diffusers', makeAdapter('dora'));
  expect(JSON.parse(diffusers.file.metadata.lora_adapter_metadata as string)).toMatchObject({
    'unet.r': 2,
    'unet.rank_pattern': { 'mid_block.attentions.0.transformer_blocks.0.attn2.to_k': 3 },
    'unet.alpha_pattern': { 'mid_block.attentions.0.transformer_blocks.0.attn2.to_k': 3 },
    'text_encoder.r': 2,
  });
});

function diffusersKeys(): string[] {
  const block = 'unet.mid_block.attentions.0.transformer_blocks.0';
  const text = 'text_encoder.text_model.encoder.layers.0.self_attn.q_proj';
  const resnet = 'unet.down_blocks.0.resnets.0';
  return [
    `${block}.attn2.to_k.lora.down.weight [3,9]`,
    `${block}.attn2.to_k.lora.up.weight [5,3]`,
    `${block}.attn2.to_k.lora_magnitude_vector [5]`,
    `${block}.attn1.to_out.0.lora.down.weight [2,7]`,
    `${block}.attn1.to_out.0.lora.up.weight [7,2]`,
    `${block}.attn1.to_out.0.lora_magnitude_vector [7]`,
    `${resnet}.conv1.lora.down.weight [2,4,3,3]`,
    `${resnet}.conv1.lora.up.weight [6,2,1,1]`,
    `${resnet}.conv1.lora_magnitude_vector [1,6,1,1]`,
    `${resnet}.conv_shortcut.lora.down.weight [2,5,1,1]`,
    `${resnet}.conv_shortcut.lora.up.weight [8,2,1,1]`,
    `${resnet}.conv_shortcut.lora_magnitude_vector [1,8,1,1]`,
    `${text}.lora_linear_layer.down.weight [2,11]`,
    `${text}.lora_linear_layer.up.weight [4,2]`,
    `${text}.lora_magnitude_vector [4]`,
  ];
}

const STEMS = [
  'lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k',
  'lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_out_0',
  'lora_unet_down_blocks_0_resnets_0_conv1',
  'lora_unet_down_blocks_0_resnets_0_conv_shortcut',
  'lora_te_text_model_encoder_layers_0_self_attn_q_proj',
] as const;

function kohyaKeys(): string[] {
  const shapes = [
    ['3,9', '5,3'],
    ['2,7', '7,2'],
    ['2,4,3,3', '6,2,1,1'],
    ['2,5,1,1', '8,2,1,1'],
    ['2,11', '4,2'],
  ] as const;
  return shapes.flatMap(([down, up], i) => [
    `${STEMS[i]}.lora_down.weight [${down}]`,
    `${STEMS[i]}.lora_up.weight [${up}]`,
    `${STEMS[i]}.alpha []`,
  ]);
}

function doraScales(): string[] {
  return ['5,1', '7,1', '6,1,1,1', '8,1,1,1', '4,1'].map((shape, i) => `${STEMS[i]}.dora_scale [${shape}]`);
}

function diffKeys(): string[] {
  return ['5,9', '7,7', '6,4,3,3', '8,5,1,1', '4,11'].map((shape, i) => `${STEMS[i]}.diff [${shape}]`);
}

// The serialized contract: these names and shapes are what other programs look for.
test.each([
  ['diffusers', 'dora', diffusersKeys()],
  ['kohya', 'lora', kohyaKeys()],
  ['comfyui', 'dora', [...kohyaKeys(), ...doraScales()]],
  ['diff', 'dora', diffKeys()],
] as const)('the keys of a %s file (%s) stay what they are', async (format, kind, keys) => {
  const { file } = await write(format, makeAdapter(kind));
  expect([...file.entries].map(([key, { shape }]) => `${key} [${shape}]`).sort()).toEqual([...keys].sort());
});
