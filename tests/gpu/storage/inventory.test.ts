import { afterEach, expect, test } from 'vitest';
import { commands } from 'vitest/browser';
import type { ModelSource } from '../../../src/contract/modelSource.ts';
import { writeSafetensors } from '../../../src/formats/safetensors.ts';
import { sourceId } from '../../../src/sources/address.ts';
import { BROWSER } from '../../../src/storage/browser.ts';
import { deleteRun } from '../../../src/storage/runs.ts';
import { spec } from '../../helpers/fullSpec.ts';
import { bytesOf, freshName, startWorker } from './harness.ts';
import { hubPath, modelContent, serveHub, UNET } from './servers.ts';

const REPOSITORY = 'owner/stored';
const onHub: ModelSource = {
  kind: 'hub',
  hub: 'huggingface',
  repository: REPOSITORY,
  revision: 'main',
  path: '',
};
const id = sourceId(onHub);
const idle = { loaded: null };

afterEach(async () => {
  await commands.stopRanges();
  const { call } = startWorker();
  await call.deleteModelFolder(id);
});

test('a downloaded model is listed with its origin, and found damaged when it is', async () => {
  const { call } = startWorker();
  const content = modelContent();
  const hub = await serveHub({ [REPOSITORY]: content }, { license: 'apache-2.0' });
  await call.downloadModel(onHub, { hub });
  const total = [...content.values()].reduce((sum, bytes) => sum + bytes.byteLength, 0);
  const { models } = await call.listStored(idle);
  expect(models.find((model) => model.id === id)).toMatchObject({
    kind: 'model',
    name: 'stored',
    sizeBytes: total,
    storedBytes: total,
    complete: true,
    origin: `${new URL(hub).host}/${REPOSITORY}`,
    source: onHub,
    license: { name: 'apache-2.0', url: `${hub}${REPOSITORY}` },
    usedBy: [],
    inUse: false,
  });
  const sound = await call.verifyStored('model', id);
  expect(sound.ok).toBe(true);
  expect(sound.files.find(({ path }) => path === UNET)?.compared).toBe('hash');

  // One bit of the UNet, half of a config, and a file that is gone.
  const damaged = new Uint8Array(content.get(UNET) as Uint8Array<ArrayBuffer>);
  damaged[100_000] = (damaged[100_000] as number) ^ 1;
  await call.writeBytes(`models/${id}/${UNET}`, damaged);
  await call.writeBytes(`models/${id}/unet/config.json`, bytesOf('{'));
  await call.removeTree(`models/${id}/tokenizer/merges.txt`);
  const { ok, files } = await call.verifyStored('model', id);
  expect(ok).toBe(false);
  expect(files.filter(({ problem }) => problem !== null).map(({ path, problem }) => [path, problem])).toEqual(
    expect.arrayContaining([
      [UNET, 'Its hash is not the one that its source gave.'],
      ['unet/config.json', expect.stringContaining('1 bytes instead of')],
      ['tokenizer/merges.txt', 'It is not there.'],
    ]),
  );
  // Downloading again fetches what was damaged, and nothing else.
  const before = (await commands.seenRequests(hub)).length;
  expect((await call.downloadModel(onHub, { hub })).model.complete).toBe(true);
  const asked = (await commands.seenRequests(hub)).slice(before).map(({ path }) => path);
  expect(asked.filter((path) => path.startsWith(`/${REPOSITORY}/resolve/`)).sort()).toEqual(
    [UNET, 'tokenizer/merges.txt', 'unet/config.json'].map((path) => hubPath(REPOSITORY, path)).sort(),
  );
  expect(await call.verifyStored('model', id)).toMatchObject({ ok: true });
});

test('what a run works with, what is loaded and what is being downloaded cannot be deleted', async () => {
  const { call } = startWorker();
  const hub = await serveHub({ [REPOSITORY]: modelContent() });
  await call.downloadModel(onHub, { hub });
  const run = await call.createRunRecord({
    name: 'Evening run',
    spec: { ...spec, model: { kind: 'local', id } },
  });
  const listed = async (loaded: string | null = null) =>
    (await call.listStored({ loaded })).models.find((model) => model.id === id);
  expect(await listed()).toMatchObject({ usedBy: [{ id: run.id, name: 'Evening run' }], inUse: false });
  expect(await listed(id)).toMatchObject({ inUse: true });
  await expect(call.deleteStored('model', id, { loaded: id })).rejects.toMatchObject({
    code: 'storage-in-use',
    message: expect.stringContaining('it is loaded'),
  });
  await navigator.locks.request(`mi-tune-run-${run.id}`, async () => {
    expect(await listed()).toMatchObject({ inUse: true });
    await expect(call.deleteStored('model', id, idle)).rejects.toMatchObject({
      code: 'storage-in-use',
      message: expect.stringContaining('Evening run'),
    });
  });
  const stored = (await listed())?.storedBytes;
  expect(await call.deleteStored('model', id, idle)).toBe(stored);
  expect(await listed()).toBeUndefined();
  expect(await call.sizeOf(`models/${id}`)).toBe(0);
  await expect(call.deleteStored('model', id, idle)).rejects.toMatchObject({ code: 'stored-missing' });
  await deleteRun(BROWSER, run.id);
});

test('adapters and image folders are listed, verified and deleted', async () => {
  const { call } = startWorker();
  const good = freshName();
  const bad = freshName();
  const bytes = writeSafetensors([{ name: 'a', shape: [2], dtype: 'F32', data: new Float32Array(2) }]);
  await call.saveAdapter({ id: good, name: 'good.safetensors', bytes });
  await call.saveAdapter({ id: bad, name: 'bad.safetensors', bytes: bytes.subarray(0, bytes.length - 1) });
  const { adapters } = await call.listStored(idle);
  expect(adapters.find((adapter) => adapter.id === good)).toMatchObject({
    kind: 'adapter',
    storedBytes: bytes.length,
  });
  expect(await call.verifyStored('adapter', good)).toMatchObject({ ok: true });
  expect(await call.verifyStored('adapter', bad)).toMatchObject({ ok: false });
  for (const adapter of [good, bad]) await call.deleteStored('adapter', adapter, idle);

  const folder = freshName();
  const lines = ['{"file_name":"a.png","text":"a cat"}', '{"file_name":"b.png","text":"a dog"}'].join('\n');
  const canvas = new OffscreenCanvas(2, 2);
  canvas.getContext('2d')?.fillRect(0, 0, 1, 1);
  const png = await canvas.convertToBlob();
  await call.importImageFolder(folder, [
    { path: 'metadata.jsonl', file: new Blob([lines]) },
    { path: 'a.png', file: png },
    { path: 'b.png', file: png },
  ]);
  expect((await call.listStored(idle)).images.find((images) => images.id === folder)).toMatchObject({
    complete: true,
  });
  expect(await call.verifyStored('images', folder)).toMatchObject({ ok: true });
  await call.removeTree(`images/${folder}/b.png`);
  const { files } = await call.verifyStored('images', folder);
  expect(files.filter(({ problem }) => problem !== null).map(({ path }) => path)).toEqual(['b.png']);
  await call.deleteStored('images', folder, idle);
  expect(await call.sizeOf(`images/${folder}`)).toBe(0);
});

test('what nothing refers to is found and can be removed; what others store on the same site is left alone', async () => {
  const { call } = startWorker();
  const name = freshName();
  await call.writeBytes(`models/${name}/unet/a.safetensors`, bytesOf('0123456789'));
  await call.writeBytes(`images/${name}/a.png`, bytesOf('01234'));
  await call.writeBytes(`neighbor/${name}`, bytesOf('theirs'));
  const leftovers = (await call.listStored(idle)).leftovers.filter((item) => item.id.endsWith(name));
  expect(leftovers.map((item) => [item.id, item.storedBytes])).toEqual([
    [`models/${name}`, 10],
    [`images/${name}`, 5],
  ]);
  for (const { id: leftover } of leftovers) await call.deleteStored('leftover', leftover, idle);
  expect((await call.listStored(idle)).leftovers.filter((item) => item.id.endsWith(name))).toEqual([]);
  for (const path of [`neighbor/${name}`, 'models', `models/${id}/../x`]) {
    await expect(call.deleteStored('leftover', path, idle)).rejects.toMatchObject({ code: 'stored-missing' });
  }
  expect(await call.sizeOf(`neighbor/${name}`)).toBe(6);
  await call.removeTree('neighbor');
});
