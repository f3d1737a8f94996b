import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseSource, sourceId } from '../../../src/sources/address.ts';
import { CATALOG } from '../../../src/sources/catalog.ts';
import { HUBS, hubUrl } from '../../../src/sources/hubs.ts';

test('entries are complete and differ from each other', () => {
  const ids = CATALOG.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const repositories = CATALOG.flatMap((entry) => entry.repositories);
  expect(new Set(repositories).size).toBe(repositories.length);
  for (const entry of CATALOG) {
    expect(entry.repositories.length > 0).toBe(entry.base === null);
    for (const repository of entry.repositories) expect(repository).toMatch(/^[\w-]+\/[\w.-]+$/);
    for (const { path, sha256 } of entry.files) {
      expect(path).toMatch(/^(unet|vae|text_encoder)\/[\w.]+\.safetensors$/);
      expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    }
    expect(new URL(entry.license.url).protocol).toBe('https:');
    expect(entry.sizeBytes).toBeGreaterThan(1e6);
    expect(sourceId(parseSource(entry.id))).toMatch(/^[\w-]+$/);
  }
});

test('what comes with the page is there', () => {
  for (const { base } of CATALOG) {
    if (base !== null) expect(existsSync(join('public', base, 'model_index.json'))).toBe(true);
  }
});

test('addresses of a hub are made of escaped parts', () => {
  const parts = { repository: 'o/n', revision: 'refs/pr/2', path: 'unet/a b.json' };
  expect(hubUrl(HUBS.huggingface, 'file', parts)).toBe(
    'https://huggingface.co/o/n/resolve/refs%2Fpr%2F2/unet/a%20b.json',
  );
  expect(hubUrl(HUBS.huggingface, 'listing', parts)).toBe(
    'https://huggingface.co/api/models/o/n/tree/refs%2Fpr%2F2?recursive=true',
  );
});
