import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { updateOf } from '../../../src/adapters/effective.ts';
import { EXPORTERS } from '../../../src/adapters/export/exporters.ts';
import { readAdapterFile } from '../../../src/adapters/import/readFile.ts';
import type { LowRankUpdate, PlainLayer } from '../../../src/adapters/plain.ts';
import { openSafetensors, writeSafetensors } from '../../../src/formats/safetensors.ts';
import type { WritableTensor } from '../../../src/formats/safetensorsLayout.ts';
import { streamSafetensors } from '../../../src/formats/safetensorsStream.ts';
import { bytesSource, concatBytes } from '../../../src/lib/bytes.ts';
import { StudioError } from '../../../src/lib/errors.ts';
import { normals } from '../../../src/lib/philox.ts';
import { frozen, makeAdapter, shapes } from '../../helpers/plainAdapters.ts';

const tensor = (name: string, shape: readonly number[], seed = 1): WritableTensor => ({
  name,
  shape,
  dtype: 'F32',
  data: normals(
    seed,
    3,
    0,
    shape.reduce((a, b) => a * b, 1),
  ),
});
const scalar = (name: string, value: number): WritableTensor => ({
  name,
  shape: [],
  dtype: 'F32',
  data: Float32Array.of(value),
});

async function read(
  tensors: readonly WritableTensor[],
  metadata: Record<string, string> = {},
  config: string | null = null,
) {
  const bytes = writeSafetensors(tensors, metadata);
  return readAdapterFile(await openSafetensors(bytesSource(bytes, 'other.safetensors')), shapes, config);
}

const TO_K = 'mid_block.attentions.0.transformer_blocks.0.attn2.to_k';
const KOHYA_TO_K = `lora_unet_${TO_K.replaceAll('.', '_')}`;
const CONV = 'lora_unet_down_blocks_0_resnets_0_conv1';
const peft = [tensor(`${TO_K}.lora_A.weight`, [4, 9]), tensor(`${TO_K}.lora_B.weight`, [5, 4], 2)];
const kohya = [
  tensor(`${KOHYA_TO_K}.lora_down.weight`, [4, 9]),
  tensor(`${KOHYA_TO_K}.lora_up.weight`, [5, 4], 2),
];
const scalingOf = (layer: PlainLayer | undefined): number =>
  ((layer as PlainLayer).update as LowRankUpdate).scaling;

describe('alpha', () => {
  test('of peft comes from the adapter_config.json dropped with the file', async () => {
    const config = JSON.stringify({
      peft_type: 'LORA',
      r: 4,
      lora_alpha: 10,
      alpha_pattern: { 'attn2.to_[kv]': 6 },
    });
    const found = await read(peft, {}, config);
    expect(found).toMatchObject({ format: 'peft', notes: [] });
    expect(scalingOf(found.adapter.layers[0])).toBe(6 / 4);
    expect(scalingOf((await read(peft, {}, '{"lora_alpha":10}')).adapter.layers[0])).toBe(2.5);
  });

  test('without it is said to be assumed, in every format', async () => {
    for (const tensors of [peft, kohya]) {
      const found = await read(tensors);
      expect(scalingOf(found.adapter.layers[0])).toBe(1);
      expect(found.notes).toEqual([expect.stringContaining('alpha = rank is assumed')]);
    }
    const stated = await read([...kohya, scalar(`${KOHYA_TO_K}.alpha`, 2)]);
    expect(scalingOf(stated.adapter.layers[0])).toBe(0.5);
    expect(stated).toMatchObject({ format: 'kohya', notes: [] });
  });

  test('of the header goes before that of the file beside it, and patterns without a layer are told', async () => {
    const lora_adapter_metadata = JSON.stringify({ 'unet.lora_alpha': 8, 'unet.alpha_pattern': { to_z: 1 } });
    const found = await read(peft, { lora_adapter_metadata }, '{"lora_alpha":10}');
    expect(scalingOf(found.adapter.layers[0])).toBe(2);
    expect(found.notes).toEqual(['No layer fits its alpha_pattern to_z: it has no effect.']);
  });
});

describe('a magnitude', () => {
  test.each([
    [[5, 1], 'output', 'Magnitudes [out, 1], one per output'],
    [[5], 'output', 'Magnitudes [out, 1], one per output'],
    [[1, 9], 'input', 'Magnitudes [1, in], one per input'],
  ])('of shape %j is %s', async (shape, axis, note) => {
    const found = await read([...kohya, tensor(`${KOHYA_TO_K}.dora_scale`, shape)]);
    expect(found.adapter.layers[0]?.magnitude).toMatchObject({ axis, over: 'updated' });
    expect(found.notes.at(-1)).toContain(note);
  });

  test('of a kernel has ones for its taps', async () => {
    const pair = [
      tensor(`${CONV}.lora_down.weight`, [2, 4, 3, 3]),
      tensor(`${CONV}.lora_up.weight`, [6, 2, 1, 1]),
    ];
    const axisOf = async (shape: number[]) =>
      (await read([...pair, tensor(`${CONV}.dora_scale`, shape)])).adapter.layers[0]?.magnitude?.axis;
    expect(await axisOf([6, 1, 1, 1])).toBe('output');
    expect(await axisOf([1, 4, 1, 1])).toBe('input');
    await expect(axisOf([1, 1, 3, 3])).rejects.toMatchObject({ code: 'adapter-invalid' });
  });
});

test('the names of other tools mean the same layers', async () => {
  const text = 'text_model_encoder_layers_0_self_attn_q_proj';
  for (const prefix of ['lora_te_', 'lora_te1_']) {
    const found = await read([
      tensor(`${prefix}${text}.lora_down.weight`, [2, 11]),
      tensor(`${prefix}${text}.lora_up.weight`, [4, 2]),
    ]);
    expect(found.adapter.layers[0]?.module).toBe('text_encoder.text_model.encoder.layers.0.self_attn.q_proj');
  }
  const lycoris = kohya.map((t) => ({ ...t, name: t.name.replace('lora_unet_', 'lycoris_') }));
  const dotted = kohya.map((t) => ({ ...t, name: t.name.replace(KOHYA_TO_K, `unet.${TO_K}`) }));
  for (const tensors of [lycoris, dotted])
    expect((await read(tensors)).adapter.layers[0]?.module).toBe(`unet.${TO_K}`);
});

test('a decomposed convolution is the product of its three tensors', async () => {
  const down = tensor(`${CONV}.lora_down.weight`, [2, 4, 1, 1], 1);
  const mid = tensor(`${CONV}.lora_mid.weight`, [3, 2, 3, 3], 2);
  const up = tensor(`${CONV}.lora_up.weight`, [6, 3, 1, 1], 3);
  const { adapter } = await read([down, mid, up, scalar(`${CONV}.alpha`, 6)]);
  const found = updateOf(adapter.layers[0] as PlainLayer).data;
  // LyCORIS, functional/general.py (rebuild_tucker): einsum('i j ..., i p, j r -> p r ...').
  const at = (t: WritableTensor, i: number): number => t.data[i] as number;
  for (let o = 0; o < 6; o++)
    for (let i = 0; i < 4; i++)
      for (let tap = 0; tap < 9; tap++) {
        let sum = 0;
        for (let p = 0; p < 3; p++)
          for (let q = 0; q < 2; q++)
            sum += at(up, o * 3 + p) * at(mid, (p * 2 + q) * 9 + tap) * at(down, q * 4 + i);
        expect(found[(o * 4 + i) * 9 + tap]).toBeCloseTo(2 * sum, 4);
      }
});

/** A hundred times as much, but for alpha. */
function louder(tensor: WritableTensor): WritableTensor {
  const data = (tensor.data as Float32Array).map((x) => (tensor.shape.length === 0 ? x : 100 * x));
  return { ...tensor, data } as WritableTensor;
}

describe('a file is refused with what is wrong with it:', () => {
  const broken: readonly [string, readonly WritableTensor[], string][] = [
    ['LoHa', [tensor(`${KOHYA_TO_K}.hada_w1_a`, [5, 2])], 'it is a LoHa'],
    ['LoKr', [tensor(`${KOHYA_TO_K}.lokr_w1`, [5, 2])], 'it is a LoKr'],
    ['SDXL', [tensor('lora_te2_text_model_encoder_layers_0_mlp_fc1.alpha', [])], 'SDXL'],
    ['Flux', [tensor('transformer.x_embedder.lora_A.weight', [5, 2])], 'diffusion transformer'],
    ['biases', [tensor(`${KOHYA_TO_K}.diff_b`, [5])], 'it changes biases'],
    ['one half', [kohya[0] as WritableTensor], 'lacks its down or up matrix'],
    [
      'no rank',
      [tensor(`${KOHYA_TO_K}.lora_down.weight`, [0, 9]), tensor(`${KOHYA_TO_K}.lora_up.weight`, [5, 0])],
      'has no rank',
    ],
    [
      'no rank in the middle',
      [
        tensor(`${CONV}.lora_down.weight`, [0, 4, 1, 1]),
        tensor(`${CONV}.lora_mid.weight`, [3, 0, 3, 3]),
        tensor(`${CONV}.lora_up.weight`, [6, 3, 1, 1]),
      ],
      'has no rank',
    ],
    [
      'two ranks',
      [kohya[0] as WritableTensor, tensor(`${KOHYA_TO_K}.lora_up.weight`, [5, 3])],
      'instead of [3,9]',
    ],
    ['both forms', [...kohya, tensor(`${KOHYA_TO_K}.diff`, [5, 9])], 'both a difference and low-rank'],
    ['twins', [...kohya, ...peft], 'are the same tensor'],
    ['alpha', [...kohya, scalar(`${KOHYA_TO_K}.alpha`, Number.NaN)], 'alpha of unet'],
    [
      'an alpha beyond all numbers',
      [...kohya, scalar(`${KOHYA_TO_K}.alpha`, 3.4e38)].map(louder),
      'too large',
    ],
    ['alphas', [...kohya, tensor(`${KOHYA_TO_K}.alpha`, [2])], 'alpha of unet'],
    [
      'infinity',
      [
        { ...kohya[0], data: new Float32Array(36).fill(Infinity) } as WritableTensor,
        kohya[1] as WritableTensor,
      ],
      'not numbers',
    ],
    ['nothing', [], 'no adapter tensors'],
  ];
  test.each(broken)('%s', async (_, tensors, message) => {
    await expect(read(tensors)).rejects.toMatchObject({
      code: 'adapter-invalid',
      message: expect.stringContaining(message),
    });
  });
});

test('nothing but a StudioError comes out of damaged files', async () => {
  const files: Uint8Array[] = [];
  for (const [format, kind] of [
    ['diffusers', 'dora'],
    ['comfyui', 'dora'],
    ['diff', 'lora'],
  ] as const) {
    const context = { frozen, rank: 4, half: true, contextWidth: 768, notes: {} };
    const { tensors, metadata } = await EXPORTERS[format](makeAdapter(kind), context);
    const pieces: Uint8Array[] = [];
    for await (const piece of streamSafetensors(tensors, metadata)) pieces.push(piece);
    files.push(concatBytes(pieces));
  }
  const damage = fc.record({
    file: fc.nat(files.length - 1),
    edits: fc.array(fc.tuple(fc.nat(6000), fc.nat(255)), { minLength: 1, maxLength: 4 }),
    config: fc.option(fc.oneof(fc.string(), fc.json())),
  });
  await fc.assert(
    fc.asyncProperty(damage, async ({ file, edits, config }) => {
      const bytes = (files[file] as Uint8Array).slice();
      for (const [at, value] of edits) bytes[at % bytes.length] = value;
      try {
        await readAdapterFile(await openSafetensors(bytesSource(bytes, 'x')), shapes, config);
      } catch (error) {
        expect(error).toBeInstanceOf(StudioError);
      }
    }),
    { seed: 3, numRuns: 400 },
  );
});
