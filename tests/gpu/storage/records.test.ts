import { describe, expect, test } from 'vitest';
import { deleteAdapter, listAdapters, loadAdapter, saveAdapter } from '../../../src/storage/adapterStore.ts';
import {
  deleteValues,
  readSetting,
  readValue,
  updateValue,
  valuesWithPrefix,
  writeSetting,
  writeValues,
} from '../../../src/storage/kv.ts';
import { freshName } from './harness.ts';

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
