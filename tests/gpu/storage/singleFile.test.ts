import { afterEach, expect, test } from 'vitest';
import { commands } from 'vitest/browser';
import type { ModelSource } from '../../../src/contract/modelSource.ts';
import { writeSafetensors } from '../../../src/formats/safetensors.ts';
import { sourceId } from '../../../src/sources/address.ts';
import { bytesOf, freshName, startWorker } from './harness.ts';
import { base64, type ModelContent, modelContent, serveHub } from './servers.ts';

/** A tensor of each network: enough to be told from other files, and to be read as a folder. */
const checkpoint = writeSafetensors(
  [
    'model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight',
    'first_stage_model.quant_conv.weight',
    'cond_stage_model.model.ln_final.weight',
  ].map((name) => ({ name, shape: [1, 1024], dtype: 'F32', data: new Float32Array(1024) })),
);
const vocabulary = bytesOf(
  JSON.stringify(Object.fromEntries(Array.from({ length: 49408 }, (_, i) => [`t${i}`, i]))),
);
const merges = bytesOf('#version: 0.2\na b\n');

const made: string[] = [];
afterEach(async () => {
  await commands.stopRanges();
  const { call } = startWorker();
  for (const id of made.splice(0)) await call.deleteModelFolder(id);
});

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const fresh = (): string => {
  const id = freshName();
  made.push(id);
  return id;
};

test('a dropped checkpoint with its vocabulary is kept as it is and read as a folder', async () => {
  const { call } = startWorker();
  const id = fresh();
  const { model } = await call.importModel(
    id,
    [
      { path: 'v2-1.safetensors', file: new Blob([checkpoint]) },
      { path: 'vocab.json', file: new Blob([vocabulary]) },
      { path: 'merges.txt', file: new Blob([merges]) },
      { path: 'notes.md', file: new Blob(['x']) },
    ],
    { prediction: 'v_prediction' },
  );
  expect(model).toMatchObject({ layout: 'checkpoint', complete: true, skipped: ['notes.md'] });
  expect(model.sizeBytes).toBe(checkpoint.length + vocabulary.length + merges.length);
  expect(await call.readModel(id, 'tokenizer/vocab.json')).toEqual(vocabulary);
  expect(JSON.parse(textOf(await call.readModel(id, 'unet/config.json')))).toMatchObject({
    cross_attention_dim: 1024,
    sample_size: 96,
  });
  expect(textOf(await call.readModel(id, 'scheduler/scheduler_config.json'))).toContain('v_prediction');
  const unet = await call.readModel(id, 'unet/diffusion_pytorch_model.safetensors');
  expect(textOf(unet)).toContain('down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight');
  expect(await call.verifyStored('model', id)).toMatchObject({ ok: true });
  const listed = async (stored: string) =>
    (await call.listStored({ loaded: null })).models.find((item) => item.id === stored)?.prediction;
  expect(await listed(id)).toEqual({ value: 'v_prediction', guessed: false });

  // A later one without a vocabulary takes that of the first.
  const second = fresh();
  const { model: bare } = await call.importModel(second, [
    { path: 'x.safetensors', file: new Blob([checkpoint]) },
  ]);
  expect(bare.files.map(({ path }) => path)).toContain('tokenizer/vocab.json');
  expect(await call.readModel(second, 'tokenizer/merges.txt')).toEqual(merges);
  // Nothing says what it predicts: a guess, which can be corrected.
  expect(await listed(second)).toEqual({ value: 'epsilon', guessed: true });
  await call.setPrediction(second, 'v_prediction');
  expect(await listed(second)).toEqual({ value: 'v_prediction', guessed: false });
  expect(textOf(await call.readModel(second, 'scheduler/scheduler_config.json'))).toContain('v_prediction');
});

test('without a vocabulary anywhere it says which files to add, and nothing is left behind as complete', async () => {
  const { call } = startWorker();
  const id = fresh();
  const hub = await commands.startRanges({});
  await expect(
    call.importModel(id, [{ path: 'x.safetensors', file: new Blob([checkpoint]) }], { hub }),
  ).rejects.toMatchObject({
    code: 'tokenizer-needed',
    remedy: expect.stringContaining('vocab.json and merges.txt'),
  });
  const models = await call.listModels();
  expect(models.find((model) => model.id === id)?.complete).toBe(false);
});

test('a checkpoint of a hub is fetched alone, with the vocabulary of a known model', async () => {
  const { call } = startWorker();
  const files: ModelContent = new Map([
    ['small.safetensors', checkpoint],
    ['large.safetensors', checkpoint],
  ]);
  const known = modelContent();
  known.set('tokenizer/vocab.json', vocabulary);
  const hub = await serveHub({ 'owner/single': files, 'stable-diffusion-v1-5/stable-diffusion-v1-5': known });
  const source: ModelSource = {
    kind: 'hub',
    hub: 'huggingface',
    repository: 'owner/single',
    revision: 'main',
    path: 'small.safetensors',
  };
  made.push(sourceId(source));
  await expect(call.planDownload({ ...source, path: '' }, { hub })).rejects.toMatchObject({
    code: 'model-ambiguous',
  });
  await expect(call.planDownload({ ...source, path: 'other.safetensors' }, { hub })).rejects.toMatchObject({
    code: 'url-not-found',
  });
  expect(await call.planDownload(source, { hub })).toMatchObject({
    name: 'small.safetensors',
    sizeBytes: checkpoint.length,
  });
  // Its name says what it predicts no more than its weights do.
  const { model } = await call.downloadModel(source, { hub, token: 'hf_secret' });
  expect(model).toMatchObject({ layout: 'checkpoint', complete: true });
  expect(await call.readModel(model.id, 'tokenizer/vocab.json')).toEqual(vocabulary);
  const seen = await commands.seenRequests(hub);
  expect(seen.some(({ path }) => path.endsWith('/large.safetensors'))).toBe(false);
  // Other repositories learn nothing of the token.
  const told = seen.filter(({ authorization }) => authorization !== null).map(({ path }) => path);
  expect(told.length).toBeGreaterThan(0);
  expect(told.filter((path) => !path.includes('owner/single'))).toEqual([]);
});

test('a plain address of a checkpoint works too; other files are refused', async () => {
  const { call } = startWorker();
  const hub = await serveHub({
    'stable-diffusion-v1-5/stable-diffusion-v1-5': modelContent().set('tokenizer/vocab.json', vocabulary),
  });
  const url = await commands.startRanges({
    '/a.safetensors': base64(checkpoint),
    '/b.safetensors': base64(bytesOf('not a checkpoint')),
  });
  const source: ModelSource = { kind: 'url', url: `${url}a.safetensors?signature=1` };
  made.push(sourceId(source));
  const { model } = await call.downloadModel(source, { hub });
  expect(model).toMatchObject({ name: 'a.safetensors', source: { url: `${url}a.safetensors` } });
  const other: ModelSource = { kind: 'url', url: `${url}b.safetensors` };
  made.push(sourceId(other));
  await expect(call.downloadModel(other, { hub })).rejects.toMatchObject({ code: 'safetensors-invalid' });
});
