import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StudioError } from '../../../src/lib/errors.ts';
import { parseManifest } from '../../../src/storage/manifest.ts';
import { chooseModelFiles, pathsOfSame } from '../../../src/storage/modelFiles.ts';
import { modelSchema } from '../../../src/storage/modelManifest.ts';

const names = [
  'model_index.json',
  'v1-5.safetensors',
  'v1-5.ckpt',
  'vocab.json',
  'merges.txt',
  'config.json',
  'tokenizer_config.json',
  'scheduler_config.json',
  'model.safetensors',
  'model.fp16.safetensors',
  'model.safetensors.index.json',
  'diffusion_pytorch_model.safetensors',
  'diffusion_pytorch_model.bf16.safetensors',
  'diffusion_pytorch_model.bin',
];
const folders = ['', 'unet/', 'vae/', 'text_encoder/', 'tokenizer/', 'scheduler/', 'sd/', '../', 'a:b/'];
const path = fc.oneof(
  fc.tuple(fc.constantFrom(...folders), fc.constantFrom(...names)).map((parts) => parts.join('')),
  fc.string(),
);
const CODES = ['model-file-missing', 'model-pickle', 'model-sharded', 'model-ambiguous', 'storage-path'];

test('any list of files is a model or refused for a reason, and keeps nothing that is not wanted', () => {
  const paths = fc.uniqueArray(path, { maxLength: 60 });
  fc.assert(
    fc.property(paths, (list) => {
      try {
        const { needed, skipped } = chooseModelFiles(list.map((p) => ({ path: p })));
        expect(needed.filter((file) => !/\.(json|txt|safetensors)$/.test(file.path))).toEqual([]);
        expect(needed.length + skipped.length).toBeLessThanOrEqual(list.length);
        expect(
          needed.filter((file) => file.path.startsWith('unet/') && file.path.endsWith('.safetensors')).length,
        ).toBeLessThan(2);
      } catch (error) {
        if (!(error instanceof StudioError)) throw error;
        expect(CODES).toContain(error.code);
      }
    }),
    { numRuns: 500 },
  );
}, 30_000);

test('weights are asked for by any of their names', () => {
  expect(pathsOfSame('vae/diffusion_pytorch_model.safetensors')).toEqual([
    'vae/diffusion_pytorch_model.fp16.safetensors',
    'vae/diffusion_pytorch_model.bf16.safetensors',
    'vae/diffusion_pytorch_model.safetensors',
  ]);
  expect(pathsOfSame('unet/config.json')).toEqual(['unet/config.json']);
});

test('a manifest of an earlier version is read with what it did not say filled in', () => {
  const old = {
    version: 1,
    id: 'a',
    name: 'A',
    sizeBytes: 3,
    importedAt: 5,
    complete: true,
    files: [{ path: 'unet/config.json', sizeBytes: 3 }],
    skipped: [],
  };
  expect(parseManifest(modelSchema, old)).toEqual({
    ...old,
    files: [{ path: 'unet/config.json', sizeBytes: 3, sha256: null, version: null, validator: null }],
    layout: 'diffusers',
    prediction: null,
    predictionGuessed: false,
    source: null,
    place: null,
    license: null,
  });
});

test('anything else in its place is no manifest, without an error', () => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      expect(parseManifest(modelSchema, value)).toBeNull();
    }),
  );
  const almost = fc.record({
    version: fc.constant(1),
    id: fc.string(),
    files: fc.anything(),
    source: fc.anything(),
  });
  fc.assert(
    fc.property(almost, (value) => {
      expect(parseManifest(modelSchema, value)).toBeNull();
    }),
  );
}, 30_000);
