import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Adapter, disposeAdapter, initAdapter, type Target } from '../../../src/adapters/adapter.ts';
import { loadAdapter, writeAdapter } from '../../../src/adapters/file.ts';
import { adapterProjector, adapterWeightNorms, disposeWeightNorms } from '../../../src/adapters/project.ts';
import { restoreAdapter, saveAdapterState } from '../../../src/adapters/state.ts';
import { unetAdapterTargets } from '../../../src/adapters/targets.ts';
import { parseAdapterKey, toKohyaKey, toPeftKey } from '../../../src/formats/adapterKeys.ts';
import { openSafetensors, type TensorEntry, writeSafetensors } from '../../../src/formats/safetensors.ts';
import type { WritableTensor } from '../../../src/formats/safetensorsLayout.ts';
import { bytesSource } from '../../../src/lib/bytes.ts';
import type { DiffusionModel } from '../../../src/models/load.ts';
import { textDense } from '../../../src/models/text/weights.ts';
import { linearFromCheckpoint } from '../../../src/tensor/layout.ts';
import { tf } from '../../../src/tensor/tf.ts';
import { disposeWeight, makeWeight } from '../../../src/tensor/weights.ts';
import '../../helpers/toBeAllClose.ts';
import { onBackends, randoms, relativeError, take } from '../kernels/harness.ts';
import { type Bench, openBench, predict, RANK, someAdapter, valuesOf } from './bench.ts';

onBackends('an adapter', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench();
  });
  afterAll(() => bench.dispose());

  const load = async (bytes: Uint8Array): Promise<Adapter> =>
    loadAdapter(
      await openSafetensors(bytesSource(bytes, 'other.safetensors')),
      allAdapterTargets(bench.model),
    );
  const predictLoaded = async (bytes: Uint8Array): Promise<Float32Array> => {
    const adapter = await load(bytes);
    const output = await predict(bench, adapter);
    disposeAdapter(adapter);
    return output;
  };

  it.each(['lora', 'dora'] as const)('of kind %s leaves the model as it is at the start', async (kind) => {
    const adapter = initAdapter(kind, RANK, allAdapterTargets(bench.model), 3);
    const base = await predict(bench, null);
    // B = 0 adds an exact zero, and m / ||W|| is an exact one; only the bias is added in another place.
    expect(relativeError(await predict(bench, adapter), base)).toBeLessThan(kind === 'lora' ? 1e-7 : 2e-6);
    disposeAdapter(adapter);
  });

  it('of kind dora merges to the weights that PEFT merges to', async () => {
    const address = new URL('../../golden/doraLayers.safetensors', import.meta.url);
    const bytes = new Uint8Array(await (await fetch(address)).arrayBuffer());
    const file = await openSafetensors(bytesSource(bytes, 'doraLayers.safetensors'));
    const merged = [...file.entries.keys()].filter((key) => key.startsWith('merged.'));
    expect(merged).toHaveLength(2);
    for (const key of merged) {
      const { shape } = file.entries.get(key) as TensorEntry;
      const [outputs, inputs] = shape as [number, number];
      const name = key.replace(/^merged\.|\.weight$/g, '');
      const frozen = linearFromCheckpoint(await file.readF32(`${name}.weight`), [outputs, inputs]);
      const layer = { name, w: makeWeight(frozen, [inputs, outputs], 'f32', name), b: null };
      const entries = [...file.entries].filter(([other]) => other.startsWith(`${name}.lora_`));
      const config = { lora_adapter_metadata: JSON.stringify({ r: 2, lora_alpha: 5, use_dora: true }) };
      const own = { ...file, entries: new Map(entries), metadata: config };
      const adapter = await loadAdapter(own, [{ module: `unet.${name}`, layer }]);
      const norms = adapterWeightNorms(adapter);
      // Applied to the rows of the identity, the layer gives its weight.
      const columns = tf.tidy(() => tf.transpose(adapterProjector(adapter, norms)(layer, tf.eye(inputs))));
      expect(await take(columns), name).toBeAllClose(await file.readF32(key), { atol: 5e-6 });
      disposeWeightNorms(norms);
      disposeAdapter(adapter);
      disposeWeight(layer.w);
    }
  });

  it('draws A from N(0, 1 / rank^2), other numbers for every layer and seed', async () => {
    const targets = allAdapterTargets(bench.model);
    const adapter = initAdapter('lora', 8, targets, 3);
    const other = initAdapter('lora', 8, targets, 4);
    const values = await valuesOf(adapter);
    const names = Object.keys(values).filter((name) => name.endsWith('.down'));
    const all = names.flatMap((name) => [...(values[name] as Float32Array)]);
    const variance = all.reduce((sum, x) => sum + x * x, 0) / all.length;
    // Standard error of the variance: sqrt(2 / n) of it.
    expect(Math.abs(variance * 64 - 1)).toBeLessThan(4 * Math.sqrt(2 / all.length));
    expect(new Set(names.map((name) => (values[name] as Float32Array)[0])).size).toBe(names.length);
    expect((await valuesOf(other))[names[0] as string]).not.toEqual(values[names[0] as string]);
    for (const made of [adapter, other]) disposeAdapter(made);
  });

  it.each([
    ['lora', false],
    ['dora', false],
    ['dora', true],
  ] as const)(
    'of kind %s, text encoder %s, predicts the same bits after a round trip through a file',
    async (kind, text) => {
      const adapter = someAdapter(bench, kind, { text });
      const output = await predict(bench, adapter);
      expect(output).not.toEqual(await predict(bench, null));
      expect(await predictLoaded(await writeAdapter(adapter, { note: 'tiny' }))).toEqual(output);
      const restored = restoreAdapter(await saveAdapterState(adapter), allAdapterTargets(bench.model));
      expect(await predict(bench, restored)).toEqual(output);
      for (const made of [adapter, restored]) disposeAdapter(made);
    },
  );

  it('folds a scaling other than 1 into the file', async () => {
    const adapter = someAdapter(bench, 'dora');
    const scaled = { ...adapter, layers: adapter.layers.map((layer) => ({ ...layer, scaling: 2.5 })) };
    const output = await predict(bench, scaled);
    expect(output).not.toEqual(await predict(bench, adapter));
    expect(relativeError(await predictLoaded(await writeAdapter(scaled, {})), output)).toBeLessThan(1e-5);
    disposeAdapter(adapter);
  });

  it('loads kohya files, with alpha and with DoRA scales as columns', async () => {
    for (const kind of ['lora', 'dora'] as const) {
      const adapter = someAdapter(bench, kind, { text: true });
      const modules = adapter.layers.map((l) => l.module);
      const tensors = await renamed(adapter, (module, part) => toKohyaKey(module, part));
      const alpha = (value: number): WritableTensor[] =>
        modules.map((module) => {
          const name = toKohyaKey(module, 'alpha');
          return { name, dtype: 'F32', shape: [], data: Float32Array.of(value) };
        });
      const columns = tensors.map((t) => (t.shape.length === 1 ? { ...t, shape: [...t.shape, 1] } : t));
      expect(await predictLoaded(writeSafetensors([...columns, ...alpha(RANK)]))).toEqual(
        await predict(bench, adapter),
      );
      const half = { ...adapter, layers: adapter.layers.map((layer) => ({ ...layer, scaling: 0.5 })) };
      expect(await predictLoaded(writeSafetensors([...columns, ...alpha(RANK / 2)]))).toEqual(
        await predict(bench, half),
      );
      disposeAdapter(adapter);
    }
  });

  it('loads PEFT files, with alpha from the header', async () => {
    const adapter = someAdapter(bench, 'lora');
    const tensors = await renamed(adapter, (module, part) => `base_model.model.${toPeftKey(module, part)}`);
    const lora_adapter_metadata = JSON.stringify({ r: RANK, lora_alpha: 2 * RANK });
    const twice = { ...adapter, layers: adapter.layers.map((layer) => ({ ...layer, scaling: 2 })) };
    expect(await predictLoaded(writeSafetensors(tensors, { lora_adapter_metadata }))).toEqual(
      await predict(bench, twice),
    );
    expect(await predictLoaded(writeSafetensors(tensors))).toEqual(await predict(bench, adapter));
    disposeAdapter(adapter);
  });

  it('loads kohya files that also adapt the feed-forward and projection layers', async () => {
    // What sd-scripts adapts by default: every dense layer of the transformers and of the text encoder.
    const block = 'down_blocks_0_attentions_0';
    const layers: [stem: string, inputs: number, outputs: number][] = [
      [`lora_unet_${block}_proj_in`, 8, 8],
      [`lora_unet_${block}_proj_out`, 8, 8],
      [`lora_unet_${block}_transformer_blocks_0_ff_net_0_proj`, 8, 64],
      [`lora_unet_${block}_transformer_blocks_0_ff_net_2`, 32, 8],
      ['lora_te_text_model_encoder_layers_0_mlp_fc1', 16, 32],
      ['lora_te_text_model_encoder_layers_0_mlp_fc2', 32, 16],
    ];
    const base = await predict(bench, null);
    for (const [stem, inputs, outputs] of layers) {
      const tensors: WritableTensor[] = [
        {
          name: `${stem}.lora_down.weight`,
          dtype: 'F32',
          shape: [1, inputs],
          data: randoms(1, inputs),
        },
        {
          name: `${stem}.lora_up.weight`,
          dtype: 'F32',
          shape: [outputs, 1],
          data: randoms(2, outputs),
        },
        { name: `${stem}.alpha`, dtype: 'F32', shape: [], data: Float32Array.of(1) },
      ];
      expect(relativeError(await predictLoaded(writeSafetensors(tensors)), base), stem).toBeGreaterThan(1e-3);
    }
  });

  it('says what is wrong with a file', async () => {
    const adapter = someAdapter(bench, 'dora');
    const tensors = await renamed(adapter, (module, part) => toKohyaKey(module, part));
    const columns = tensors.map((t) => (t.shape.length === 1 ? { ...t, shape: [...t.shape, 1] } : t));
    const scale = tensors.findIndex((t) => t.name.endsWith('.dora_scale'));
    const down = tensors.findIndex((t) => t.name.endsWith('.lora_down.weight'));
    const changed = (index: number, change: Partial<{ name: string; shape: number[] }>): Uint8Array =>
      writeSafetensors(columns.with(index, { ...(columns[index] as (typeof columns)[number]), ...change }));
    const cases: [Uint8Array, string][] = [
      [changed(down, { name: 'lora_unet_elsewhere.lora_down.weight' }), 'lora_unet_elsewhere'],
      [changed(scale, { shape: [2, 4] }), `${columns[scale]?.name} is [2,4] instead of [1,8] or [8,1]`],
      [writeSafetensors(columns.toSpliced(down, 1)), 'lacks its down or up matrix'],
      [writeSafetensors(columns.toSpliced(scale, 1)), 'neither LoRA nor DoRA'],
      [writeSafetensors([]), 'no adapter tensors'],
    ];
    for (const [bytes, message] of cases) {
      await expect(load(bytes)).rejects.toMatchObject({
        code: 'adapter-invalid',
        message: expect.stringContaining(message),
      });
    }
    disposeAdapter(adapter);
  });

  it('of another model is refused from a checkpoint, with nothing left behind', async () => {
    const adapter = someAdapter(bench, 'lora');
    const state = await saveAdapterState(adapter);
    const targets = unetAdapterTargets(bench.model.unet);
    expect(() => restoreAdapter(state, targets.slice(0, -1))).toThrow(targets.at(-1)?.module);
    disposeAdapter(adapter);
  });
});

/** The adapter's file tensors under another tool's names. */
async function renamed(
  adapter: Adapter,
  toKey: (module: string, part: 'down' | 'up' | 'magnitude') => string,
): Promise<WritableTensor[]> {
  const modules = new Set(adapter.layers.map((l) => l.module));
  const file = await openSafetensors(bytesSource(await writeAdapter(adapter, {}), 'own.safetensors'));
  const tensors: WritableTensor[] = [];
  for (const [key, { shape }] of file.entries) {
    const { module, part } = parseAdapterKey(key, modules) as {
      module: string;
      part: 'down' | 'up' | 'magnitude';
    };
    tensors.push({ name: toKey(module, part), dtype: 'F32', shape, data: await file.readF32(key) });
  }
  return tensors;
}

/** Every dense layer of the transformers, in the UNet and in the text encoder. */
function allAdapterTargets(model: DiffusionModel): readonly Target[] {
  const unet = model.unet.stages.flatMap((s) => s.dense);
  return [
    ...unet.map((layer) => ({ module: `unet.${layer.name}`, layer })),
    ...textDense(model.text).map((layer) => ({ module: `text_encoder.${layer.name}`, layer })),
  ];
}
