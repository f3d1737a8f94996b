import { describe, expect, test } from 'vitest';
import { deleteAdapter, listAdapters, loadAdapter, saveAdapter } from '../../../src/storage/adapterStore.ts';
import { checkpointBytes, loadCheckpoint, saveCheckpoints } from '../../../src/storage/checkpoints.ts';
import * as kv from '../../../src/storage/kv.ts';
import {
  deleteValues,
  readSetting,
  readValue,
  updateValue,
  valuesWithPrefix,
  writeSetting,
  writeValues,
} from '../../../src/storage/kv.ts';
import { freshName, startWorker } from './harness.ts';

describe('a transaction', () => {
  test('stores nothing if one of its values cannot be stored', async () => {
    const name = freshName();
    await writeValues([[`setting:${name}`, 'old']]);
    const bad = [`setting:${name}-2`, () => 'functions cannot be stored'] as const;
    await expect(writeValues([[`setting:${name}`, 'new'], bad])).rejects.toThrow();
    await expect(updateValue(`setting:${name}`, () => 'new', [bad])).rejects.toThrow();
    const fail = () => {
      throw new RangeError('no update');
    };
    await expect(updateValue(`setting:${name}`, fail, [[`setting:${name}-2`, 1]])).rejects.toThrow(
      RangeError,
    );
    expect(await readValue(`setting:${name}`)).toBe('old');
    expect(await readValue(`setting:${name}-2`)).toBeUndefined();
  });

  test('sees the updates before it', async () => {
    const key = `setting:${freshName()}` as const;
    await Promise.all(Array.from({ length: 20 }, () => updateValue(key, (old) => Number(old ?? 0) + 1)));
    expect(await readValue(key)).toBe(20);
  });

  test('reads and deletes by prefix, and nothing beside', async () => {
    const name = freshName();
    await writeValues([
      [`run-part:${name}:b`, 2],
      [`run-part:${name}:a`, 1],
      [`run-part:${name}x:a`, 3],
      [`run:${name}`, 4],
    ]);
    expect([...(await valuesWithPrefix(`run-part:${name}:`))]).toEqual([
      [`run-part:${name}:a`, 1],
      [`run-part:${name}:b`, 2],
    ]);
    await deleteValues([`run:${name}`], [`run-part:${name}:`]);
    expect((await valuesWithPrefix(`run-part:${name}:`)).size).toBe(0);
    expect(await readValue(`run:${name}`)).toBeUndefined();
    expect(await readValue(`run-part:${name}x:a`)).toBe(3);
  });
});

test('settings are kept', async () => {
  const name = freshName();
  expect(await readSetting(name)).toBeUndefined();
  await writeSetting(name, { theme: 'dark' });
  expect(await readSetting(name)).toEqual({ theme: 'dark' });
  await expect(writeSetting('a:b', 1)).rejects.toMatchObject({ code: 'storage-path' });
});

describe('checkpoints', () => {
  test('come back as they were saved, each slot by itself', async () => {
    const id = freshName();
    const last = {
      step: 7,
      seed: 1,
      params: [{ name: 'a', values: Float32Array.of(1, Number.NaN, -0) }],
      note: null,
    };
    await saveCheckpoints(kv, id, { last });
    await saveCheckpoints(kv, id, { best: { step: 3 } });
    expect(await loadCheckpoint(kv, id, 'last')).toEqual(last);
    expect(await loadCheckpoint(kv, id, 'best')).toEqual({ step: 3 });
    expect(await loadCheckpoint(kv, freshName(), 'last')).toBeUndefined();
    expect(await checkpointBytes(kv, id)).toBe(12);
  });

  test('do not take the buffer that their arrays look into', async () => {
    const id = freshName();
    const heap = new Float32Array(100_000).fill(3);
    await saveCheckpoints(kv, id, { last: { m: [heap.subarray(10, 14)], v: { w: heap.subarray(0, 2) } } });
    const { m, v } = (await loadCheckpoint(kv, id, 'last')) as { m: [Float32Array]; v: { w: Float32Array } };
    expect([m[0].length, m[0].buffer.byteLength, v.w.buffer.byteLength]).toEqual([4, 16, 8]);
    expect(await checkpointBytes(kv, id)).toBe(24);
  });

  test('are old or new after a crash, never half', async () => {
    for (const delayMs of [0, 40, 80]) {
      const id = freshName();
      const worker = startWorker();
      const saving = worker.call.saveForever(id, 50_000);
      saving.catch(() => undefined);
      await expect.poll(() => loadCheckpoint(kv, id, 'best')).toBeDefined();
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      worker.end();
      type Saved = { n: number; params: Float32Array[] };
      const [last, best] = [await loadCheckpoint(kv, id, 'last'), await loadCheckpoint(kv, id, 'best')] as [
        Saved,
        Saved,
      ];
      for (const { params } of [last, best]) {
        expect(params.map((p) => [p.length, p.every((x) => x === last.n)])).toEqual([
          [50_000, true],
          [50_000, true],
        ]);
      }
    }
  });
});

test('imported adapters are kept, listed and deleted', async () => {
  const id = freshName();
  const file = new Uint8Array(100).map((_, i) => i);
  await saveAdapter({ id, name: 'mine.safetensors', bytes: file.subarray(10, 20) });
  const [stored] = (await listAdapters()).filter((adapter) => adapter.id === id);
  expect(stored).toMatchObject({ id, name: 'mine.safetensors', sizeBytes: 10 });
  const bytes = await loadAdapter(id);
  expect(bytes).toEqual(file.slice(10, 20));
  expect(bytes?.buffer.byteLength).toBe(10);
  await deleteAdapter(id);
  expect(await loadAdapter(id)).toBeNull();
  expect((await listAdapters()).some((adapter) => adapter.id === id)).toBe(false);
});
