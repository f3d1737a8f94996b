// What the model page counts and lists, without the page.

import { describe, expect, test } from 'vitest';
import { presetSettings } from '../../../../src/contract/presets.ts';
import type { StoredItem, StoredList } from '../../../../src/contract/stored.ts';
import { CATALOG } from '../../../../src/sources/catalog.ts';
import type { Download } from '../../../../src/state/model/downloads.ts';
import { planRequest, withProposal } from '../../../../src/state/model/loadPlans.ts';
import { modelName, modelRows } from '../../../../src/state/model/modelRows.ts';
import { addSample, NO_RATE, perSecond, type Rate, secondsLeft } from '../../../../src/state/model/rate.ts';

function rateOf(...samples: readonly (readonly [seconds: number, amount: number])[]): Rate {
  return samples.reduce((rate, [seconds, amount]) => addSample(rate, seconds * 1000, amount), NO_RATE);
}

describe('speed', () => {
  test('is unknown at first, then the amount over the time', () => {
    expect(perSecond(rateOf([0, 0]))).toBeNull();
    expect(perSecond(rateOf([0, 0], [0.2, 500]))).toBeNull();
    expect(perSecond(rateOf([0, 1000], [2, 5000]))).toBe(2000);
    expect(secondsLeft(rateOf([0, 1000], [2, 5000]), 9000)).toBe(2);
  });

  test('forgets what was long ago', () => {
    const slowThenFast = [
      [0, 0] as const,
      ...Array.from({ length: 40 }, (_, i) => [20 + i, i * 100] as const),
    ];
    expect(perSecond(rateOf(...slowThenFast))).toBe(100);
    expect(rateOf(...slowThenFast).length).toBeLessThan(12);
  });

  test('starts over when the amount falls, and leaves no time when nothing arrives', () => {
    expect(rateOf([0, 500], [1, 900], [2, 100])).toEqual([{ atMs: 2000, amount: 100 }]);
    expect(secondsLeft(rateOf([0, 500], [3, 500]), 1000)).toBeNull();
  });
});

const ITEM: StoredItem = {
  kind: 'model',
  id: 'known-sd21-base',
  name: 'stable-diffusion-2-1-base',
  sizeBytes: 2_500_000_000,
  storedBytes: 300_000_000,
  complete: false,
  origin: 'huggingface.co/x/y',
  source: { kind: 'catalog', id: 'sd21-base' },
  license: null,
  prediction: null,
  storedAt: 0,
  usedBy: [],
  inUse: false,
};
const listOf = (...models: StoredItem[]): StoredList => ({
  models,
  adapters: [],
  images: [],
  surveys: [],
  leftovers: [],
});
const DROPPED: StoredItem = { ...ITEM, id: 'a-b', name: 'mine', complete: true, origin: null, source: null };

describe('the list of models', () => {
  test('has every known model once, and those of the page ready to use', () => {
    const rows = modelRows(null, new Map());
    expect(rows.map(({ name }) => name)).toEqual(CATALOG.map(({ name }) => name));
    expect(rows.filter(({ ref }) => ref !== null).map(({ ref }) => ref)).toEqual([
      { kind: 'url', base: 'models/shapes-2/' },
      { kind: 'url', base: 'models/shapes/' },
    ]);
  });

  test('shows what is here of a known model, usable only when whole', () => {
    const rowOf = (item: StoredItem) =>
      modelRows(listOf(item), new Map()).find(({ id }) => id === 'known-sd21-base');
    expect(rowOf(ITEM)).toMatchObject({ name: 'Stable Diffusion 2.1 base', stored: ITEM, ref: null });
    expect(rowOf({ ...ITEM, complete: true })?.ref).toEqual({ kind: 'local', id: 'known-sd21-base' });
  });

  test('ends with others: what is being asked for, then what was dropped', () => {
    const source = {
      kind: 'hub',
      hub: 'huggingface',
      repository: 'o/n',
      revision: 'main',
      path: '',
    } as const;
    const asked: Download = {
      source,
      status: 'asking',
      accepted: false,
      plan: null,
      progress: null,
      note: null,
      rate: NO_RATE,
      failure: null,
    };
    const rows = modelRows(listOf(DROPPED), new Map([['hub-o-n', asked]]));
    expect(rows.slice(CATALOG.length).map(({ id, name }) => [id, name])).toEqual([
      ['hub-o-n', 'n'],
      ['a-b', 'mine'],
    ]);
  });

  test('gives names to what would otherwise be identifiers', () => {
    expect(modelName({ kind: 'local', id: 'a-b' }, listOf(DROPPED))).toBe('mine');
    expect(modelName({ kind: 'local', id: 'known-sd21-base' }, null)).toBe('Stable Diffusion 2.1 base');
    expect(modelName({ kind: 'url', base: 'https://h/m/' }, null)).toBeNull();
  });
});

describe('a load plan', () => {
  const paper = presetSettings('paper');
  const asked = {
    size: 512,
    batch: 8,
    weights: 'f16',
    parts: 'byPhase',
    sweep: 'byStage',
    decodeBands: 16,
  } as const;

  test('is asked for at the settings of the run', () => {
    const ref = { kind: 'local', id: 'x' } as const;
    const run = {
      metrics: [{ name: 'clip', model: null }],
      method: { name: 'mi-dpo', options: {} },
      drawnBy: { name: 'attend-and-excite', options: {} },
    };
    expect(planRequest(ref, paper, 'train', run)).toMatchObject({
      ref,
      batch: paper.training.batch,
      rank: 32,
      ...run,
      steps: paper.sampling.steps,
      metrics: ['clip'],
    });
    const plain = planRequest(ref, paper, 'generate', { metrics: [], method: null, drawnBy: null });
    expect(plain.batch).toBe(paper.sampling.batch);
    expect(['method', 'drawnBy', 'steps', 'metrics'].some((key) => key in plain)).toBe(false);
  });

  test('that is taken keeps the images of an optimizer step', () => {
    const proposed = { ...asked, batch: 1 };
    const taken = withProposal(paper, { mode: 'train', settings: asked }, proposed);
    expect([taken.training.batch, taken.training.accumulation]).toEqual([1, 400]);
    const drawn = withProposal(paper, { mode: 'generate', settings: asked }, proposed);
    expect([drawn.sampling.batch, drawn.sampling.size]).toEqual([1, null]);
  });

  test.each(['generate', 'train'] as const)('that is taken to %s takes smaller images too', (mode) => {
    const taken = withProposal(paper, { mode, settings: asked }, { ...asked, size: 384 });
    expect(taken.sampling.size).toBe(384);
    expect(taken.training.batch * taken.training.accumulation).toBe(400);
  });
});
