// The network of a metric: fetched from where its files lie, resumed, checked, listed and deleted like a model.

import { afterEach, expect, test } from 'vitest';
import { commands } from 'vitest/browser';
import { writeSafetensors } from '../../../src/formats/safetensors.ts';
import { bytesOf, startWorker } from './harness.ts';
import { base64 } from './servers.ts';

const source = { kind: 'metric', id: 'clip-vit-b32' } as const;
const ID = 'metric-clip-vit-b32';
const root = '/openai/clip-vit-base-patch32/resolve/main/';
const weights = writeSafetensors([
  { name: 'w', shape: [50_000], dtype: 'F32', data: Float32Array.from({ length: 50_000 }, (_, i) => i / 7) },
]);
const content: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  'config.json': bytesOf('{}'),
  'vocab.json': bytesOf('{"a":0}'),
  'merges.txt': bytesOf('#version'),
  'model.safetensors': weights,
};
const serve = (files: Readonly<Record<string, Uint8Array<ArrayBuffer>>>): Promise<string> =>
  commands.startRanges(
    Object.fromEntries(Object.entries(files).map(([path, b]) => [root + path, base64(b)])),
  );

afterEach(async () => {
  await commands.stopRanges();
  await startWorker().call.deleteModelFolder(ID);
});

test('is planned with its license, goes on after a dropped connection, and is stored whole', async () => {
  const { call } = startWorker();
  const hub = await serve(content);
  const sizeBytes = Object.values(content).reduce((sum, bytes) => sum + bytes.byteLength, 0);
  expect(await call.planDownload(source, { hub })).toMatchObject({
    id: ID,
    name: 'CLIP ViT-B/32',
    place: new URL(hub).host,
    sizeBytes,
    license: { name: 'MIT' },
  });
  await commands.misbehave(hub, `${root}model.safetensors`, { cutAfterBytes: 70_000, times: 1 });
  const { model } = await call.downloadModel(source, { hub });
  expect(model).toMatchObject({ id: ID, complete: true, layout: 'metric', sizeBytes });
  for (const [path, bytes] of Object.entries(content)) expect(await call.readModel(ID, path)).toEqual(bytes);
  expect(await call.verifyStored('model', ID)).toMatchObject({ ok: true });
  const requests = (await commands.seenRequests(hub)).filter(({ path }) =>
    path.endsWith('model.safetensors'),
  );
  expect(requests.some(({ range }) => /^bytes=[1-9]\d*-$/.test(range ?? ''))).toBe(true);
});

test('without one of its files is refused before anything is fetched', async () => {
  const { call } = startWorker();
  const { 'merges.txt': _, ...rest } = content;
  const hub = await serve(rest);
  await expect(call.planDownload(source, { hub })).rejects.toThrow(/merges\.txt/);
});
