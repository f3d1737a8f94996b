import { readFileSync, statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { METRICS, metricOf } from '../../../src/metrics/registry.ts';
import { HUBS } from '../../../src/sources/hubs.ts';
import { METRIC_MODELS, metricFileUrl, metricModel } from '../../../src/sources/metricModels.ts';

test('every metric says what its number means and when not to trust it, under a name of its own', () => {
  expect(new Set(METRICS.map(({ name }) => name)).size).toBe(METRICS.length);
  for (const { name, summary, caution, range } of METRICS) {
    expect(name).toMatch(/^[a-z0-9-]{1,40}$/);
    expect(summary.length).toBeGreaterThan(20);
    expect(caution.length).toBeGreaterThan(20);
    expect(range[0]).toBeLessThan(range[1]);
  }
  expect(metricOf('clip')?.title).toContain('CLIPScore');
  expect(metricOf('none')).toBeNull();
});

test('every network of a metric has a model with size, license and files, or comes with the page', () => {
  for (const { network } of METRICS) {
    if (network === null) continue;
    const model = metricModel(network.model);
    expect(model?.license.name).toBeTruthy();
    expect(model?.base !== null || model.files.length > 1).toBe(true);
  }
  for (const { files } of METRIC_MODELS) {
    for (const file of files) {
      expect(new URL(metricFileUrl(file, HUBS.huggingface)).protocol).toBe('https:');
    }
  }
});

test('the CLIP that comes with the page has the parameters that its entry says, in at most 3 MB', () => {
  const path = 'public/models/shapes-clip/model.safetensors';
  expect(statSync(path).size).toBeLessThanOrEqual(3_000_000);
  const bytes = readFileSync(path);
  const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString()) as Record<
    string,
    { shape?: number[] }
  >;
  const count = Object.values(header).reduce(
    (sum, { shape }) => sum + (shape === undefined ? 0 : shape.reduce((a, b) => a * b, 1)),
    0,
  );
  expect(metricModel('shapes-clip')?.parameters).toBe(count);
});
