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

  it('measures a pool afterwards as if it had been measured while it was drawn, once', async () => {
    const change = {
      model: { kind: 'url', base: 'models/shapes/' },
      prompts: PROMPTS,
      sampling: { steps: 2, batch: 2, guidance: 3 },
      selection: { candidates: 2 },
    } as const;
    const metric = { name: 'shapes-clip', model: null };
    const valuesOf = async (runId: string) =>
      (await studio.state(runId)).candidates.map(({ metrics }) => metrics['shapes-clip']?.value);
    const drawn = await studio.create({ ...change, metrics: [metric] });
    await studio.run(drawn, 'pool');
    const bare = await studio.create(change);
    await studio.run(bare, 'pool');
    expect(await valuesOf(bare)).toEqual([undefined, undefined, undefined, undefined]);
    const measure = () => studio.client.call('measurePool', { runId: bare, round: 0, metric });
    expect(await measure()).toEqual({ images: 4, again: 0 });
    expect(await valuesOf(bare)).toEqual(await valuesOf(drawn));
    expect(await measure()).toEqual({ images: 0, again: 0 });
    // Numbers of another program, by what the pictures are.
    const at = { runId: bare, round: 0, prompt: 1, candidate: 0 };
    const [image] = await studio.client.call('images', { runId: bare, refs: [at] });
    const rgb = (image?.rgba ?? new Uint8ClampedArray()).filter((_, i) => i % 4 !== 3);
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', rgb));
    const sha256 = [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    const table = { runId: bare, round: 0, text: `sha256,beauty\n${sha256},0.75\n`, source: 'b.csv' };
    expect(await studio.client.call('importScores', table)).toMatchObject({ images: 1, without: 3 });
    const { candidates } = await studio.state(bare);
    const named = candidates.filter(({ metrics }) => 'file:beauty' in metrics);
    expect(named.map(({ prompt, candidate }) => [prompt, candidate])).toEqual([[1, 0]]);
    const missing = studio.client.call('measurePool', { runId: bare, round: 1, metric });
    await expect(missing).rejects.toMatchObject({ code: 'images-missing' });
  });

  it('asks other questions again, and keeps with every number what was asked', async () => {
    const golden = new URL('/tests/golden/metrics/', location.href).href;
    const files = await Promise.all(
      ['blip_vqa_eps/config.json', 'blip_vqa_eps/model.safetensors', 'word_piece/vocab.txt'].map(
        async (path) => ({ path, file: await (await fetch(golden + path)).blob() }),
      ),
    );
    await studio.client.call('importMetric', { id: 'blip-vqa-384', files });
    const runId = await studio.create({
      model: { kind: 'url', base: 'models/shapes/' },
      prompts: PROMPTS,
      sampling: { steps: 2, batch: 2, guidance: 3 },
      selection: { candidates: 2 },
    });
    await studio.run(runId, 'pool');
    const measure = (phrases?: Record<string, string[]>) => {
      const metric = { name: 'blip-vqa-384', model: null, ...(phrases === undefined ? {} : { phrases }) };
      return studio.client.call('measurePool', { runId, round: 0, metric });
    };
    const asked = async () =>
      (await studio.state(runId)).candidates.map(({ metrics }) =>
        metrics['blip-vqa-384']?.asked?.map(({ question }) => question),
      );
    expect(await measure()).toEqual({ images: 4, again: 0 });
    const found = [['a red circle?'], ['a red circle?'], ['a blue square?'], ['a blue square?']];
    expect(await asked()).toEqual(found);
    expect(await measure({ 'a red circle': ['a circle', 'red'] })).toEqual({ images: 2, again: 2 });
    const changed = ['a circle?', 'red?'];
    expect(await asked()).toEqual([changed, changed, ...found.slice(2)]);
    await studio.client.call('deleteStored', { kind: 'model', id: 'metric-blip-vqa-384' });
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
