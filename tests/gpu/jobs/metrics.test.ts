// A second score on a run: every image is measured, and the evaluation compares before and after.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobEvent } from '../../../src/contract/events.ts';
import { openStudio, type Studio } from './studio.ts';

const PROMPTS = ['a red circle', 'a blue square'] as const;

describe('a run with the CLIP of the shapes world', () => {
  let studio: Studio;
  let events: JobEvent[];
  beforeAll(async () => {
    studio = await openStudio('wasm');
    const runId = await studio.create({
      model: { kind: 'url', base: 'models/shapes/' },
      prompts: PROMPTS,
      sampling: { steps: 4, batch: 2, guidance: 3 },
      selection: { candidates: 2 },
      training: { iterations: 1, batch: 2, validationShare: 0.5, checkpointEvery: 1, previewEvery: 0 },
      metrics: [{ name: 'shapes-clip', model: null }],
    });
    events = await studio.run(runId);
  });
  afterAll(() => studio.dispose());

  it('measures every candidate', () => {
    const records = events.flatMap((event) => (event.type === 'candidates' ? event.records : []));
    expect(records).toHaveLength(4);
    for (const { metrics } of records) {
      expect(Object.keys(metrics).sort()).toEqual(['exact', 'shapes-clip']);
      const { value } = metrics['shapes-clip'] as { value: number };
      expect(Math.abs(value)).toBeLessThanOrEqual(1);
    }
    expect(new Set(records.map(({ metrics }) => metrics['shapes-clip']?.value)).size).toBe(4);
  });

  it('compares before and after', () => {
    const [evaluation] = events.flatMap((event) => (event.type === 'evaluation' ? [event.record] : []));
    expect(evaluation?.metrics['shapes-clip']?.before.images).toBeGreaterThan(0);
  });

  it('measures with a network from files, which is listed and deleted like a model', async () => {
    const files = await Promise.all(
      ['config.json', 'vocab.json', 'merges.txt', 'model.safetensors'].map(async (path) => ({
        path: `chosen/${path}`,
        file: await (await fetch(`/models/shapes-clip/${path}`)).blob(),
      })),
    );
    const importMetric = (chosen: typeof files) =>
      studio.client.call('importMetric', { id: 'clip-vit-b32', files: chosen });
    await expect(importMetric(files.slice(0, 3))).rejects.toMatchObject({ code: 'model-file-missing' });
    await importMetric(files);
    const runId = await studio.create({
      model: { kind: 'url', base: 'models/shapes/' },
      prompts: PROMPTS,
      sampling: { steps: 2, batch: 2, guidance: 3 },
      selection: { candidates: 2 },
      metrics: [{ name: 'clip', model: null }],
    });
    const drawn = await studio.run(runId, 'pool');
    const values = drawn.flatMap((event) =>
      event.type === 'candidates' ? event.records.map(({ metrics }) => metrics.clip?.value) : [],
    );
    expect(values).toHaveLength(4);
    expect(values.every((value) => Number.isFinite(value))).toBe(true);
    const { models } = await studio.client.call('stored', {});
    expect(models.find(({ id }) => id === 'metric-clip-vit-b32')).toMatchObject({
      complete: true,
      license: { name: 'MIT' },
    });
    const { freedBytes } = await studio.client.call('deleteStored', {
      kind: 'model',
      id: 'metric-clip-vit-b32',
    });
    expect(freedBytes).toBeGreaterThan(2_000_000);
  });

  it('refuses a metric that it does not know', async () => {
    const runId = await studio.create({
      model: { kind: 'url', base: 'models/shapes/' },
      prompts: PROMPTS,
      metrics: [{ name: 'no-such-metric', model: null }],
    });
    await expect(studio.run(runId)).rejects.toMatchObject({ code: 'metric-unknown' });
  });
});
