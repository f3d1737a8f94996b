import { describe, expect, test } from 'vitest';
import type { EvaluationRecord, TrainRecord } from '../../../src/contract/events.ts';
import { BROWSER } from '../../../src/storage/browser.ts';
import { loadCheckpoint, saveCheckpoints } from '../../../src/storage/checkpoints.ts';
import * as kv from '../../../src/storage/kv.ts';
import { readValue, valuesWithPrefix, writeValues } from '../../../src/storage/kv.ts';
import {
  createRunRecord,
  deleteRun,
  listRunRecords,
  loadRunRecord,
  runSizeBytes,
  saveRunRecord,
} from '../../../src/storage/runs.ts';
import { appendSeries, cutSeries, loadSeries } from '../../../src/storage/series.ts';
import { freshName, startWorker } from './harness.ts';
import { spec } from './spec.ts';

const header = { latentSize: 2, timesteps: [1], source: 'x' };

const newRun = (name = 'A run') => createRunRecord(kv, { spec, name, heldOut: [1] });
const trainRecord = (step: number): TrainRecord => ({
  round: 0,
  step,
  loss: 1 / (step + 1),
  gradNorm: 2,
  learningRate: 1e-4,
});

describe('a run', () => {
  test('is kept with all that belongs to it', async () => {
    const { id } = await newRun();
    const interval = { mean: 1, low: Number.NaN, high: Number.POSITIVE_INFINITY };
    const evaluation: EvaluationRecord = {
      round: 0,
      adapterStep: 30,
      errorFall: interval,
      mi: { before: 1, after: 2, change: interval },
      metrics: {
        exact: {
          before: { value: 0.5, parts: { strict: 0.25 }, images: 4 },
          after: { value: 0.75, parts: { strict: 0.5 }, images: 4 },
          change: interval,
        },
      },
    };
    const patch = {
      status: 'paused',
      stage: 'train',
      round: 1,
      progress: 0.25,
      seconds: { pool: 12.5 },
      selections: [{ round: 0, picks: [{ prompt: 0, candidate: 3 }] }],
      evaluations: [evaluation],
      warnings: [{ code: 'pool-cut', message: 'm', remedy: 'r' }],
    } as const;
    await saveRunRecord(kv, id, patch);
    expect(await loadRunRecord(kv, id)).toMatchObject({ id, name: 'A run', spec, heldOut: [1], ...patch });
  });

  test('is changed only where the patch says, by several writers too', async () => {
    const { id, createdAt } = await newRun();
    const before = await readValue(`run-part:${id}:spec`);
    await Promise.all([
      saveRunRecord(kv, id, { progress: 0.5 }),
      saveRunRecord(kv, id, { name: 'Renamed' }),
      saveRunRecord(kv, id, { heldOut: [2] }),
    ]);
    expect(await loadRunRecord(kv, id)).toMatchObject({
      progress: 0.5,
      name: 'Renamed',
      heldOut: [2],
      status: 'new',
      createdAt,
    });
    expect(await readValue(`run-part:${id}:spec`)).toEqual(before);
  });

  test('that was deleted cannot be changed or come back', async () => {
    const { call } = startWorker();
    const { id } = await newRun();
    const other = await newRun('Other');
    await appendSeries(kv, id, 'train', [trainRecord(0)]);
    await saveCheckpoints(kv, id, { last: { step: 1 } });
    await call.openPool(`runs/${id}/pool-0.bin`, header);
    await expect(deleteRun(BROWSER, id)).rejects.toMatchObject({ code: 'run-open-elsewhere' });
    expect(await loadRunRecord(kv, id)).toMatchObject({ id });
    await call.closePool();
    await deleteRun(BROWSER, id);
    await expect(loadRunRecord(kv, id)).rejects.toMatchObject({ code: 'run-missing' });
    await expect(saveRunRecord(kv, id, { progress: 1, heldOut: [] })).rejects.toMatchObject({
      code: 'run-missing',
    });
    expect(await loadCheckpoint(kv, id, 'last')).toBeUndefined();
    expect((await valuesWithPrefix(`run-part:${id}:`)).size).toBe(0);
    expect((await valuesWithPrefix(`run-series:${id}:`)).size).toBe(0);
    expect(await runSizeBytes(BROWSER, id)).toBe(0);
    expect(await loadRunRecord(kv, other.id)).toMatchObject({ name: 'Other' });
  });

  test('takes the room of its files and checkpoints', async () => {
    const { call } = startWorker();
    const { id } = await newRun();
    expect(await runSizeBytes(BROWSER, id)).toBe(0);
    await call.writeBytes(`runs/${id}/pool-0.bin`, new Uint8Array(500));
    await saveCheckpoints(kv, id, { last: { m: new Float32Array(10) }, best: { m: new Float32Array(5) } });
    expect(await runSizeBytes(BROWSER, id)).toBe(560);
  });
});

describe('the list', () => {
  test('has the newest change first, and unreadable runs apart', async () => {
    const [first, second] = [await newRun('first'), await newRun('second')];
    const [future, broken] = [freshName(), freshName()];
    await writeValues([
      [`run:${future}`, { ...first, id: future, version: 2 }],
      [`run:${broken}`, { ...first, id: broken, stage: 'nowhere' }],
    ]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await saveRunRecord(kv, first.id, { progress: 0.1 });
    const { runs, unreadable } = await listRunRecords(kv);
    const mine = runs.map(({ id }) => id).filter((id) => id === first.id || id === second.id);
    expect(mine).toEqual([first.id, second.id]);
    const reasons = new Map(unreadable.map(({ id, report }) => [id, report]));
    expect(reasons.get(future)).toMatchObject({
      code: 'run-unreadable',
      message: expect.stringContaining('version 2'),
    });
    expect(reasons.get(broken)).toMatchObject({
      code: 'run-unreadable',
      message: expect.stringContaining('stage'),
    });
    await deleteRun(BROWSER, future);
    await deleteRun(BROWSER, broken);
    expect((await listRunRecords(kv)).unreadable).toEqual([]);
  });

  test('shows a run with a damaged part, and opening it names the part', async () => {
    const { id } = await newRun();
    await writeValues([[`run-part:${id}:spec`, { ...spec, sampling: { ...spec.sampling, steps: 'many' } }]]);
    expect((await listRunRecords(kv)).runs.some((run) => run.id === id)).toBe(true);
    await expect(loadRunRecord(kv, id)).rejects.toMatchObject({
      code: 'run-unreadable',
      message: expect.stringContaining('spec.sampling.steps'),
    });
  });

  test('keeps fields that a newer page added', async () => {
    const { id } = await newRun();
    await writeValues([[`run-part:${id}:spec`, { ...spec, extra: { a: 1 } }]]);
    expect((await loadRunRecord(kv, id)).spec).toEqual({ ...spec, extra: { a: 1 } });
  });
});

describe('a series', () => {
  test('grows in order over chunks, rewriting only the last', async () => {
    const { id } = await newRun();
    const records = Array.from({ length: 300 }, (_, step) => trainRecord(step));
    await appendSeries(kv, id, 'train', records.slice(0, 127));
    for (const record of records.slice(127, 131)) await appendSeries(kv, id, 'train', [record]);
    await writeValues([[`run-series:${id}:train:00000000`, 'a full chunk is not read again']]);
    await appendSeries(kv, id, 'train', records.slice(131));
    expect(await readValue(`run-series:${id}:train:00000000`)).toBe('a full chunk is not read again');
    await writeValues([[`run-series:${id}:train:00000000`, records.slice(0, 128)]]);
    expect(await loadSeries(kv, id, 'train')).toEqual(records);
    expect((await valuesWithPrefix(`run-series:${id}:train:`)).size).toBe(3);
    expect(await loadSeries(kv, id, 'validation')).toEqual([]);
  });

  test.each([0, 1, 127, 128, 129, 256, 299, 300, 400])(
    'is cut to its first %i entries and goes on',
    async (keep) => {
      const { id } = await newRun();
      const records = Array.from({ length: 300 }, (_, step) => trainRecord(step));
      await appendSeries(kv, id, 'train', records);
      await appendSeries(kv, id, 'validation', []);
      await cutSeries(kv, id, 'train', keep);
      await appendSeries(kv, id, 'train', [trainRecord(1000)]);
      expect(await loadSeries(kv, id, 'train')).toEqual([...records.slice(0, keep), trainRecord(1000)]);
    },
  );

  test('keeps numbers that are none, and arrays', async () => {
    const { id } = await newRun();
    const diverged = { ...trainRecord(3), loss: Number.NaN, gradNorm: Number.POSITIVE_INFINITY };
    await appendSeries(kv, id, 'train', [diverged]);
    expect(await loadSeries(kv, id, 'train')).toEqual([diverged]);
    const scored = {
      round: 0,
      prompt: 1,
      candidate: 2,
      score: -0.5,
      standardError: 0.1,
      metrics: { exact: { value: 1, parts: { strict: 1 } } },
      terms: Float32Array.of(1, 2),
    };
    await appendSeries(kv, id, 'scores', [
      scored,
      { ...scored, standardError: null, metrics: {}, terms: null },
    ]);
    expect(await loadSeries(kv, id, 'scores')).toEqual([
      scored,
      { ...scored, standardError: null, metrics: {}, terms: null },
    ]);
  });

  test('of the first versions had the exact score under a field of its own', async () => {
    const { id } = await newRun();
    const scored = { round: 0, prompt: 0, candidate: 0, score: 1, standardError: null, terms: null };
    const records = [
      { ...scored, exact: { share: 0.5, strict: false } },
      { ...scored, exact: null },
    ];
    await writeValues([[`run-series:${id}:scores:00000000`, records]]);
    expect(await loadSeries(kv, id, 'scores')).toEqual([
      { ...scored, metrics: { exact: { value: 0.5, parts: { strict: 0 } } } },
      { ...scored, metrics: {} },
    ]);
    const change = { mean: 0.25, low: 0, high: 0.5 };
    const side = { share: 0.5, strict: 0.25, images: 4 };
    const evaluation = {
      round: 0,
      adapterStep: 30,
      errorFall: change,
      mi: { before: 1, after: 2, change },
    };
    await writeValues([
      [`run-part:${id}:evaluations`, [{ ...evaluation, exact: { before: side, after: side, change } }]],
    ]);
    const mean = { value: 0.5, parts: { strict: 0.25 }, images: 4 };
    expect((await loadRunRecord(kv, id)).evaluations).toEqual([
      { ...evaluation, metrics: { exact: { before: mean, after: mean, change } } },
    ]);
  });

  test('that is damaged says so', async () => {
    const { id } = await newRun();
    await writeValues([[`run-series:${id}:train:00000000`, [trainRecord(0), { step: 'x' }]]]);
    await expect(loadSeries(kv, id, 'train')).rejects.toMatchObject({ code: 'run-unreadable' });
  });
});
