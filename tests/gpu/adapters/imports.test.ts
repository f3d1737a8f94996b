// Adapters of every kind on every layer: running with one is the same as running a model with the adapted weights.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { disposeAdapter } from '../../../src/adapters/adapter.ts';
import { adaptedWeight } from '../../../src/adapters/effective.ts';
import { EXPORTERS } from '../../../src/adapters/export/exporters.ts';
import { loadAdapter } from '../../../src/adapters/file.ts';
import { adapterFromPlain, shapesOf } from '../../../src/adapters/import/toTensors.ts';
import { matrixSize, type PlainAdapter, type PlainLayer } from '../../../src/adapters/plain.ts';
import { adapterProjector, adapterWeightNorms, disposeWeightNorms } from '../../../src/adapters/project.ts';
import { frozenWeights, importTargets } from '../../../src/adapters/targets.ts';
import { openSafetensors, writeSafetensors } from '../../../src/formats/safetensors.ts';
import type { WritableTensor } from '../../../src/formats/safetensorsLayout.ts';
import { streamSafetensors } from '../../../src/formats/safetensorsStream.ts';
import { bytesSource, concatBytes } from '../../../src/lib/bytes.ts';
import { loadModel } from '../../../src/models/load.ts';
import { openSession } from '../../../src/procedures/session.ts';
import { onBackends, randoms, relativeError } from '../kernels/harness.ts';
import { memoryFolder, tinyFiles } from '../networks/tinyModel.ts';
import { type Bench, openBench, predictWith } from '../training/bench.ts';

type Kind = 'lora' | 'dora' | 'doraOfInputs' | 'difference';

onBackends('an adapter on every layer', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openBench();
  });
  afterAll(() => bench.dispose());

  const made = (kind: Kind): PlainAdapter => plainAdapterOn(shapesOf(importTargets(bench.model)), kind);

  /** The network's output with the adapter at a strength. */
  async function predictPlain(plain: PlainAdapter, strength = 1): Promise<Float32Array> {
    const adapter = await adapterFromPlain(plain, importTargets(bench.model), frozenWeights(bench.model));
    const norms = adapterWeightNorms(adapter);
    const output = await predictWith(bench, adapterProjector(adapter, norms, strength));
    disposeWeightNorms(norms);
    disposeAdapter(adapter);
    return output;
  }

  /** The output of a model whose files hold W + strength (W' - W). */
  async function predictMerged(plain: PlainAdapter, strength: number): Promise<Float32Array> {
    const files = tinyFiles();
    for (const [component, path] of [
      ['unet', 'unet/diffusion_pytorch_model.safetensors'],
      ['text_encoder', 'text_encoder/model.safetensors'],
    ] as const) {
      const file = await openSafetensors(bytesSource(files.get(path) as Uint8Array, path));
      const tensors: WritableTensor[] = [];
      for (const [name, { shape }] of file.entries) {
        const w = await file.readF32(name);
        const layer = plain.layers.find(({ module }) => `${module}.weight` === `${component}.${name}`);
        const adapted = layer === undefined ? w : Float32Array.from(adaptedWeight(layer, w).data);
        const data = w.map((x, i) => x + strength * ((adapted[i] as number) - x));
        tensors.push({ name, shape, dtype: 'F32', data });
      }
      files.set(path, writeSafetensors(tensors));
    }
    const model = await loadModel(memoryFolder(files), { format: 'f32' });
    const merged = { model, session: openSession(model), dispose: () => model.dispose() };
    const output = await predictWith(merged, null);
    merged.dispose();
    return output;
  }

  it.each(['lora', 'dora', 'doraOfInputs', 'difference'] as const)(
    'of kind %s gives what the adapted weights give, at every strength',
    async (kind) => {
      const plain = made(kind);
      expect(plain.layers.length).toBeGreaterThan(60);
      const base = await predictWith(bench, null);
      for (const strength of [1, 0.4, -0.5]) {
        const merged = await predictMerged(plain, strength);
        expect(relativeError(merged, base)).toBeGreaterThan(0.02);
        expect(
          relativeError(await predictPlain(plain, strength), merged),
          `strength ${strength}`,
        ).toBeLessThan(2e-5);
      }
      expect(relativeError(await predictPlain(plain, 0), base)).toBeLessThan(1e-5);
    },
  );

  it.each(['diffusers', 'kohya', 'comfyui', 'diff'] as const)(
    'comes back from a file of format %s with the same predictions',
    async (format) => {
      for (const kind of ['lora', 'dora'] as const) {
        const plain = made(kind);
        const frozen = frozenWeights(bench.model);
        const context = { frozen, rank: 64, half: false, contextWidth: 16, notes: {} };
        const { tensors, metadata } = await EXPORTERS[format](plain, context);
        const pieces: Uint8Array[] = [];
        for await (const piece of streamSafetensors(tensors, metadata)) pieces.push(piece);
        const file = await openSafetensors(bytesSource(concatBytes(pieces), format));
        const adapter = await loadAdapter(file, importTargets(bench.model), { frozen });
        const norms = adapterWeightNorms(adapter);
        const output = await predictWith(bench, adapterProjector(adapter, norms));
        disposeWeightNorms(norms);
        disposeAdapter(adapter);
        expect(relativeError(output, await predictPlain(plain)), kind).toBeLessThan(2e-5);
      }
    },
  );
});

/** Rank 2 and s = 1.5 on every layer; magnitudes a little off their start. */
function plainAdapterOn(shapes: ReadonlyMap<string, readonly number[]>, kind: Kind): PlainAdapter {
  let seed = 300;
  const next = (count: number, spread: number): Float32Array => randoms(seed++, count, spread);
  const layers = [...shapes].map(([module, shape]): PlainLayer => {
    const { rows, columns } = matrixSize(shape);
    if (kind === 'difference')
      return { module, shape, update: { kind, values: next(rows * columns, 0.02) }, magnitude: null };
    const update = {
      kind: 'lowRank',
      rank: 2,
      down: next(2 * columns, 0.1),
      up: next(2 * rows, 0.1),
      scaling: 1.5,
    } as const;
    const axis = kind === 'dora' ? 'output' : 'input';
    const size = axis === 'output' ? rows : (shape[1] as number);
    // Near the norm of the tiny model's weights.
    const length = Math.sqrt((axis === 'output' ? columns : (rows * columns) / size) * 0.01);
    const values = next(size, 0.1 * length).map((x) => x + length);
    const magnitude = kind === 'lora' ? null : ({ axis, over: 'updated', values } as const);
    return { module, shape, update, magnitude };
  });
  return { layers };
}
