// Full-size checkpoints of metrics: every tensor is read once, whichever program named it.

import { describe, expect, test } from 'vitest';
import { toHuggingFaceName } from '../../../src/metrics/blip/layouts.ts';
import { openMetricCheckpoint } from '../../../src/metrics/checkpoint.ts';
import { checkpointReader } from '../../../src/models/checkpointReader.ts';
import { type Manifest, readAll } from '../../../tools/verify/cases/metricManifest.ts';
import { manifestFile } from '../../../tools/verify/manifestFile.ts';
import blipKeys from '../../golden/metrics/blipKeys.json';
import golden from '../../golden/metrics/manifests.json';

type Pairs = Pick<Manifest, 'same_tensor' | 'may_also_be_in_a_file' | 'buffers_not_parameters'>;
type Compact = Partial<Pairs> &
  Pick<Manifest, 'config' | 'params'> & { entries: number; tensors: Record<string, number[]> };

/** `layers.*` stands for as many layers as the first number says; the others are the shape. */
function expand(compact: Compact): Manifest {
  const tensors = Object.entries(compact.tensors).flatMap(([name, [layers = 0, ...shape]]) =>
    layers === 0
      ? [[name, shape] as const]
      : Array.from({ length: layers }, (_, i) => [name.replace('*', String(i)), shape] as const),
  );
  return {
    ...compact,
    tensors: Object.fromEntries(tensors),
    same_tensor: compact.same_tensor ?? {},
    may_also_be_in_a_file: compact.may_also_be_in_a_file ?? {},
    buffers_not_parameters: compact.buffers_not_parameters ?? [],
  };
}

const manifests = Object.entries(golden as unknown as Record<string, Compact>);

describe.each(manifests)('%s', (name, compact) => {
  const manifest = expand(compact);

  test('is read whole, each tensor once', async () => {
    expect(Object.keys(manifest.tensors)).toHaveLength(compact.entries);
    const found = await readAll(name, manifest.tensors, manifest);
    expect(found).toEqual({ parameters: compact.params, never: [], often: [] });
  });

  test('may hold buffers, and either of two names of one tensor', async () => {
    const without = (names: string[]) =>
      Object.fromEntries(Object.entries(manifest.tensors).filter(([tensor]) => !names.includes(tensor)));
    for (const tensors of [
      { ...manifest.tensors, ...manifest.may_also_be_in_a_file },
      without(Object.keys(manifest.same_tensor)),
      without(Object.values(manifest.same_tensor)),
    ]) {
      const found = await readAll(name, tensors, manifest);
      expect(found).toEqual({ parameters: compact.params, never: [], often: [] });
    }
  });

  test.each([
    ['a tensor too many', (all: Manifest['tensors']) => ({ ...all, 'something.else': [3] }), /unknown/],
    [
      'a tensor too few',
      (all: Manifest['tensors']) =>
        Object.fromEntries(
          Object.entries(all).filter(([tensor]) => !/\.1\..*(mlp|feed).*weight$/.test(tensor)),
        ),
      /missing/,
    ],
  ])('is refused with %s', (_, change, message) => {
    const { file } = manifestFile(name, change(manifest.tensors));
    const checkpoint = openMetricCheckpoint(file, { json: manifest.config, file: name });
    expect(() => checkpointReader(checkpoint.file, checkpoint.specs, name)).toThrow(message);
  });
});

test('names of an original BLIP in transformers', () => {
  for (const [original, converted] of Object.entries(blipKeys))
    expect(toHuggingFaceName(original)).toBe(converted);
});

test('refuses a file that is no metric', () => {
  const { file } = manifestFile('unet.safetensors', { 'conv_in.weight': [320, 4, 3, 3] });
  expect(() => openMetricCheckpoint(file, null)).toThrow(/neither a CLIP, nor a BLIP/);
});
