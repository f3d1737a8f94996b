// The adapter of a run in every format, back into the page: the same predictions, and what is told about it is so.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXPORT_NAMES } from '../../../src/contract/adapterFiles.ts';
import type { NumberBlock } from '../../../src/contract/protocol.ts';
import { openZip } from '../../../src/formats/zip.ts';
import { blobSource } from '../../../src/lib/bytes.ts';
import { normals } from '../../../src/lib/philox.ts';
import { relativeError } from '../kernels/harness.ts';
import { openStudio, type Studio } from './studio.ts';

const FORMATS = EXPORT_NAMES.filter((name) => name !== 'merged');
const LATENTS: NumberBlock = { shape: [1, 4, 8, 8], values: normals(5, 9, 0, 256) };

let studio: Studio;
let runId: string;
beforeAll(async () => {
  studio = await openStudio('wasm');
  runId = await studio.create({
    adapter: { kind: 'dora', textEncoder: true },
    training: { learningRate: 0.05, iterations: 6 },
  });
  await studio.run(runId, 'train');
});
afterAll(() => studio.dispose());

async function predict(adapter: string | null, strength = 1): Promise<Float32Array> {
  const { steps } = await studio.client.call('probe', {
    latents: LATENTS,
    contexts: [{ prompt: 'a red cat' }],
    timesteps: [700],
    adapter,
    strength,
  });
  return steps[0]?.predictions[0]?.values as Float32Array;
}

const own = () => `run:${runId}:last`;

describe('the probe', () => {
  test('sees the adapter, at its strength', async () => {
    const [base, adapted] = [await predict(null), await predict(own())];
    expect(relativeError(adapted, base)).toBeGreaterThan(0.01);
    expect(relativeError(await predict(own(), 0), base)).toBeLessThan(1e-5);
    const half = relativeError(await predict(own(), 0.5), base);
    expect(half).toBeGreaterThan(0.001);
    expect(half).toBeLessThan(relativeError(adapted, base));
    await expect(predict('import:none')).rejects.toMatchObject({ code: 'adapter-missing' });
    await expect(predict(own(), Number.NaN)).rejects.toMatchObject({ code: 'probe-invalid' });
  });
});

describe('a file', () => {
  test.each(FORMATS)('of format %s comes back with the same predictions', async (format) => {
    const { client } = studio;
    const made = await client.call('exportFile', { adapter: own(), format });
    expect(made.name).toMatch(/\.last\.safetensors$/);
    expect(made.losses.length > 0).toBe(format === 'kohya');
    const bytes = new Uint8Array(await made.file.arrayBuffer());
    const report = await client.call('importAdapter', { name: made.name, bytes });
    expect(report).toMatchObject({
      textEncoder: true,
      kind: { kohya: 'lora', diff: 'difference' }[format as string] ?? 'dora',
    });
    // Rank 64 is more than the tiny model's layers have.
    expect(relativeError(await predict(report.id), await predict(own()))).toBeLessThan(1e-4);
  });

  test('for diffusers is the one that exportAdapter gives', async () => {
    const { client } = studio;
    const { name, bytes } = await client.call('exportAdapter', { runId, which: 'last' });
    const made = await client.call('exportFile', { adapter: own(), format: 'diffusers' });
    expect(made.name).toBe(name);
    expect(new Uint8Array(await made.file.arrayBuffer())).toEqual(bytes);
  });

  test('of the whole model predicts as the adapter does, but for half precision', async () => {
    const { client, model } = studio;
    const adapted = await predict(own());
    const { name, file } = await client.call('exportFile', { adapter: own(), format: 'merged' });
    expect(name).toBe('mi-tune.merged.last.zip');
    const zip = await openZip(blobSource(file, name), { maxEntries: 20, maxEntryBytes: 1e7 });
    const paths = [...zip.entries.keys()];
    expect(paths).toContain('model_index.json');
    const read = async (path: string) => ({ path, file: new Blob([await zip.read(path)]) });
    const files = await Promise.all(paths.map(read));
    const { id } = await client.call('importModel', { name: 'merged', files });
    await client.call('loadModel', { ref: { kind: 'local', id } });
    const merged = await predict(null);
    await client.call('loadModel', { ref: model });
    await client.call('deleteStored', { kind: 'model', id });
    // The room that it took on its way out can be had back.
    const left = (await client.call('stored', {})).leftovers.find((item) => item.id === 'exports/merged');
    expect(left?.storedBytes).toBe(file.size);
    await client.call('deleteStored', { kind: 'leftover', id: 'exports/merged' });
    expect((await client.call('stored', {})).leftovers.map((item) => item.id)).not.toContain(
      'exports/merged',
    );
    expect(relativeError(merged, adapted)).toBeLessThan(0.01);
    expect(relativeError(merged, await predict(null))).toBeGreaterThan(0.01);
  });

  test('of another rank, format or adapter is refused', async () => {
    const { client } = studio;
    for (const rank of [0, 1.5, 5000])
      await expect(
        client.call('exportFile', { adapter: own(), format: 'kohya', rank }),
      ).rejects.toMatchObject({
        code: 'rank-invalid',
      });
    await expect(client.call('exportFile', { adapter: 'import:x', format: 'diff' })).rejects.toMatchObject({
      code: 'adapter-missing',
    });
  });
});

test('a look inside tells layers, and that an adapter is itself', async () => {
  const { client } = studio;
  const seen: number[] = [];
  const facts = await client.call(
    'inspectAdapter',
    { adapter: own(), other: own() },
    { onProgress: ({ done, total }) => void seen.push(done / total) },
  );
  expect(facts).toMatchObject({ format: 'run', kind: 'dora', comparison: { distance: 0 } });
  expect(facts.layers.every(({ rank, relative }) => rank !== null && relative > 0)).toBe(true);
  expect(seen.at(-1)).toBe(1);
});

test('half of an adapter and half of it again is the adapter', async () => {
  const { client } = studio;
  const parts = [
    { adapter: own(), weight: 0.5 },
    { adapter: own(), weight: 0.5 },
  ];
  const { report, losses } = await client.call('mergeAdapters', {
    parts,
    rank: 64,
    name: 'both.safetensors',
  });
  expect(report).toMatchObject({ name: 'both.safetensors', kind: 'lora' });
  expect(Math.max(...losses.map((loss) => loss.residual))).toBeLessThan(1e-5);
  expect(relativeError(await predict(report.id), await predict(own()))).toBeLessThan(1e-4);
  await expect(
    client.call('mergeAdapters', { parts: parts.slice(1), rank: 64, name: 'one' }),
  ).rejects.toMatchObject({ code: 'merge-invalid' });
});
