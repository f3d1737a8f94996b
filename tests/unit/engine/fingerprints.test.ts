import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { assertSameModel, fingerprinted, withoutPlaces } from '../../../src/engine/fingerprints.ts';
import { bytesSource } from '../../../src/lib/bytes.ts';
import type { ModelFolder } from '../../../src/models/folder.ts';

const weights = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7) % 256);
const folderOf = (bytes: Uint8Array): ModelFolder => ({
  name: 'model',
  open: async (path = '') => bytesSource(bytes, path),
});

/** Reads a file in the given pieces. */
async function fingerprintsOf(bytes: Uint8Array, pieces: readonly (readonly [number, number])[]) {
  const folder = fingerprinted(folderOf(bytes), 0);
  const source = await folder.open('unet.safetensors');
  for (const [offset, length] of pieces) await source.read(offset, length);
  return folder.fingerprints();
}

test('a file that is read whole has its SHA-256', async () => {
  expect(await fingerprintsOf(weights, [[0, 1000]])).toEqual({
    'unet.safetensors': createHash('sha256').update(weights).digest('hex'),
  });
});

test('one that is read in pieces has one fingerprint, in whatever order they come', async () => {
  const pieces = [
    [0, 8],
    [8, 492],
    [500, 500],
  ] as const;
  const found = await fingerprintsOf(weights, pieces);
  expect(Object.keys(found)).toHaveLength(1);
  expect(await fingerprintsOf(weights, pieces.toReversed())).toEqual(found);
  const changed = weights.slice();
  changed[700] = 0;
  expect(await fingerprintsOf(changed, pieces)).not.toEqual(found);
  expect(await fingerprintsOf(weights, pieces.slice(0, 2))).toEqual({});
});

test('a run takes the model that it was begun with, and no other', () => {
  expect(() => assertSameModel('m', {}, { a: '1' })).not.toThrow();
  expect(() => assertSameModel('m', { a: '1', b: '2' }, { a: '1', c: '3' })).not.toThrow();
  expect(() => assertSameModel('m', { a: '1' }, { a: '2' })).toThrow(
    expect.objectContaining({ code: 'model-changed', where: 'a' }),
  );
});

test('a small file has its SHA-256 however little is read of it', async () => {
  const folder = fingerprinted(folderOf(weights));
  const source = await folder.open('unet.safetensors');
  await source.read(5, 3);
  expect(await folder.fingerprints()).toEqual({
    'unet.safetensors': createHash('sha256').update(weights).digest('hex'),
  });
});

test('files of one name in different folders are told apart', async () => {
  const byLastPart: ModelFolder = {
    name: 'model',
    // As the folder of an address does.
    open: async (...paths) =>
      bytesSource(
        new TextEncoder().encode(paths[0] as string),
        (paths[0] as string).split('/').at(-1) as string,
      ),
  };
  const folder = fingerprinted(byLastPart);
  for (const path of ['unet/config.json', 'vae/config.json']) await folder.open(path);
  const found = await folder.fingerprints();
  expect(Object.keys(found)).toEqual(['unet/config.json', 'vae/config.json']);
  expect(found['unet/config.json']).not.toBe(found['vae/config.json']);
});

test('hashes of earlier versions are told without the place of the model', () => {
  const found = withoutPlaces({
    'https://a.invalid/models/x/unet/config.json': '1',
    'models/5f0c/vae/diffusion_pytorch_model.safetensors 0.1.0': '2',
    'models/5f0c/model_index.json': '3',
    'checkpoint.safetensors': '4',
  });
  expect(found).toEqual({
    'unet/config.json': '1',
    'vae/diffusion_pytorch_model.safetensors 0.1.0': '2',
    'model_index.json': '3',
    'checkpoint.safetensors': '4',
  });
});

test('a run that an earlier version began is compared too', () => {
  const begun = { 'models/5f0c/unet/config.json': '1' };
  expect(() => assertSameModel('m', begun, { 'unet/config.json': '2' })).toThrow('no longer the one');
  expect(() => assertSameModel('m', begun, { 'unet/config.json': '1' })).not.toThrow();
});
