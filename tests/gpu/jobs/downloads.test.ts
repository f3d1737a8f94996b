// A model from a server into storage and into the engine, as the page asks for it.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { commands } from 'vitest/browser';
import { EngineClient, type RequestProgress } from '../../../src/engine/client.ts';
import { parseSource } from '../../../src/sources/address.ts';
import { tinyFiles } from '../networks/tinyModel.ts';
import { base64 } from '../storage/servers.ts';

const client = new EngineClient();
let address: string;

beforeAll(async () => {
  const files = [...tinyFiles()].map(([path, bytes]): [string, string] => [`/tiny/${path}`, base64(bytes)]);
  address = await commands.startRanges(Object.fromEntries(files));
  await client.call('open', { backend: 'wasm' });
});
afterAll(async () => {
  client.dispose();
  await commands.stopRanges();
});

it('a model is planned, downloaded, loaded, and deleted when nothing needs it any more', async () => {
  const source = parseSource(`${address}tiny`);
  const plan = await client.call('planDownload', { source, token: null });
  expect(plan.files).toHaveLength(10);
  expect(plan.storedBytes).toBe(0);

  // Stopped in the middle, and gone on with.
  const abort = new AbortController();
  const unet = 'unet/diffusion_pytorch_model.safetensors';
  await commands.misbehave(address, `/tiny/${unet}`, { bytesPerSecond: 1000 });
  const stopped = client.call(
    'downloadModel',
    { source, token: null },
    { signal: abort.signal, onProgress: ({ done }) => done > 1000 && abort.abort() },
  );
  await expect(stopped).rejects.toMatchObject({ code: 'canceled' });
  const { models } = await client.call('stored', {});
  expect(models.find(({ id }) => id === plan.id)).toMatchObject({ complete: false, source });
  await commands.misbehave(address, `/tiny/${unet}`, null);

  const progress: RequestProgress[] = [];
  const stored = await client.call(
    'downloadModel',
    { source, token: null },
    { onProgress: (now) => progress.push(now) },
  );
  expect(stored).toMatchObject({ id: plan.id, kind: 'model', complete: true, storedBytes: plan.sizeBytes });
  expect(progress.at(-1)).toMatchObject({ done: plan.sizeBytes, total: plan.sizeBytes, unit: 'bytes' });
  expect(await client.call('verifyStored', { kind: 'model', id: plan.id })).toMatchObject({ ok: true });

  const ref = { kind: 'local', id: plan.id } as const;
  expect(await client.call('loadModel', { ref })).toMatchObject({ name: 'tiny', imageSize: 16 });
  const remove = () => client.call('deleteStored', { kind: 'model', id: plan.id });
  await expect(remove()).rejects.toMatchObject({ code: 'storage-in-use' });
  await client.call('loadModel', { ref: { kind: 'url', base: 'models/shapes-2/' } });
  expect(await remove()).toEqual({ freedBytes: plan.sizeBytes });
  await expect(client.call('loadModel', { ref })).rejects.toMatchObject({ code: 'model-missing' });
  expect((await client.call('storage', {})).quotaBytes).toBeGreaterThan(0);
});
