import { expect, test } from 'vitest';
import type { ModelReport } from '../../../../src/contract/runTypes.ts';
import { runFile } from '../../../../src/state/run/exports.ts';
import { hashesIn, otherFile, parseRunFile, writtenBy } from '../../../../src/state/setup/runFile.ts';
import { buildSpec, INITIAL_DRAFT } from '../../../../src/state/setup/settings.ts';

const spec = buildSpec(INITIAL_DRAFT, ['a red circle']);
const model: ModelReport = {
  name: 'shapes',
  ref: spec.model,
  parameters: { unet: 1, textEncoder: 2, vae: 3 },
  sizeBytes: 4,
  weights: 'f32',
  imageSize: 64,
  maxTokens: 24,
  prediction: 'epsilon',
  adapterTargets: 56,
  shapesWorld: true,
};

const hashes = { 'unet/config.json': 'a'.repeat(64), 'vae/config.json': 'b'.repeat(64) };

test('a run file says what it was made with, and gives the run back', () => {
  const text = new TextDecoder().decode(runFile(spec, { app: '1.2.3', loaded: model, hashes }).bytes);
  expect(parseRunFile('run.json', text)).toEqual(spec);
  expect(writtenBy(text)).toBe('1.2.3');
  expect(hashesIn(text)).toEqual(hashes);
  expect(JSON.parse(text)).toMatchObject({ format: 'mi-tune-run-1', app: '1.2.3', model });
});

test('files without a version, or that are no JSON, name none', () => {
  for (const text of [JSON.stringify(spec), '{', 'null', '{"app":1}', '']) expect(writtenBy(text)).toBeNull();
});

test('files without hashes, or with what is none, name none', () => {
  for (const text of [JSON.stringify(spec), '{', '{"hashes":{"a":"zz"}}', '{"hashes":[]}'])
    expect(hashesIn(text)).toEqual({});
});

test('files are compared where both sides have them', () => {
  expect(otherFile(hashes, { ...hashes, 'more.json': 'c'.repeat(64) })).toBeNull();
  expect(otherFile(hashes, { 'vae/config.json': 'c'.repeat(64) })).toBe('vae/config.json');
  expect(otherFile(hashes, {})).toBeNull();
});
