import { describe, expect, test } from 'vitest';
import type { EvaluationRecord, TrainRecord } from '../../../src/contract/events.ts';
import { openPoolLog } from '../../../src/storage/poolLog.ts';
import { openRunStore } from '../../../src/storage/runStore.ts';
import {
  createRunRecord,
  deleteRun,
  listRunRecords,
  loadRunRecord,
  runSizeBytes,
  saveRunRecord,
  withRunLock,
} from '../../../src/storage/runs.ts';
import { appendSeries, loadSeries, replaceSeries } from '../../../src/storage/series.ts';
import { spec } from '../../helpers/fullSpec.ts';
import { MemoryDisk } from '../../helpers/memoryDisk.ts';

const { backing } = new MemoryDisk();
const { records: kv, files } = backing;
const { readValue, valuesWithPrefix, writeValues } = kv;
const freshName = () => crypto.randomUUID();
const silent = async () => undefined;

const header = { latentSize: 2, timesteps: [1], source: 'x' };

const newRun = (name = 'A run') => createRunRecord(backing, { spec, name, heldOut: [1] });
const trainRecord = (step: number): TrainRecord => ({
  version: 0,
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
      version: 0,
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
      selections: [{ version: 0, round: 0, picks: [{ prompt: 0, candidate: 3 }] }],
      evaluations: [evaluation],
      warnings: [{ code: 'pool-cut', message: 'm', remedy: 'r' }],
    } as const;
    await saveRunRecord(backing, id, patch);
    expect(await loadRunRecord(backing, id)).toMatchObject({
      id,
      name: 'A run',
      spec,
      heldOut: [1],
      ...patch,
    });
  });

  test('is changed only where the patch says, by several writers too', async () => {
    const { id, createdAt } = await newRun();
    const before = await readValue(`run-part:${id}:spec`);
    await Promise.all([
      saveRunRecord(backing, id, { progress: 0.5 }),
      saveRunRecord(backing, id, { name: 'Renamed' }),
      saveRunRecord(backing, id, { heldOut: [2] }),
    ]);
    expect(await loadRunRecord(backing, id)).toMatchObject({
      progress: 0.5,
      name: 'Renamed',
      heldOut: [2],
      status: 'new',
      createdAt,
    });
    expect(await readValue(`run-part:${id}:spec`)).toEqual(before);
  });

  test('that was deleted cannot be changed or come back', async () => {
    const { id } = await newRun();
    const other = await newRun('Other');
    await appendSeries(kv, id, 'train', [trainRecord(0)]);
    await openRunStore(backing, id).checkpoints.save(
      { version: 0, round: 0, step: 1, best: null, resumable: true },
      {},
    );
    const pool = await openPoolLog(files, `runs/${id}/pool-0.bin`, header);
    await expect(deleteRun(backing, id)).rejects.toMatchObject({ code: 'run-open-elsewhere' });
    // Chromium may keep a file locked that nobody has open any more.
    const forgotten = { ...backing, locks: { ...backing.locks, heldNames: async () => new Set<string>() } };
    await expect(deleteRun(forgotten, id)).rejects.toMatchObject({
      code: 'storage-in-use',
      remedy: expect.stringContaining('restart the browser'),
    });
    expect(await loadRunRecord(backing, id)).toMatchObject({ id });
    pool.close();
    await withRunLock(backing, id, async () => {
      await expect(deleteRun(backing, id)).rejects.toMatchObject({ code: 'run-open-elsewhere' });
    });
    expect(await loadRunRecord(backing, id)).toMatchObject({ id });
    await deleteRun(backing, id);
    await expect(loadRunRecord(backing, id)).rejects.toMatchObject({ code: 'run-missing' });
    await expect(saveRunRecord(backing, id, { progress: 1, heldOut: [] })).rejects.toMatchObject({
      code: 'run-missing',
    });
    expect(await openRunStore(backing, id).checkpoints.list()).toEqual([]);
    expect((await valuesWithPrefix(`run-part:${id}:`)).size).toBe(0);
    expect((await valuesWithPrefix(`run-series:${id}:`)).size).toBe(0);
    expect(await runSizeBytes(backing, id)).toBe(0);
    expect(await listRunRecords(backing)).toMatchObject({ lost: [] });
    expect(await loadRunRecord(backing, other.id)).toMatchObject({ name: 'Other' });
  });

  test('takes the room of its files', async () => {
    const { id } = await newRun();
    const before = await runSizeBytes(backing, id);
    await files.writeBytes(`runs/${id}/pool-0.bin`, new Uint8Array(500));
    expect(await runSizeBytes(backing, id)).toBe(before + 500);
  });
});

describe('the list', () => {
  test('has the newest change first, and unreadable runs apart', async () => {
    const [first, second] = [await newRun('first'), await newRun('second')];
    const [future, broken] = [freshName(), freshName()];
    await writeValues([
      [`run:${future}`, { ...first, id: future, version: 3 }],
      [`run:${broken}`, { ...first, id: broken, stage: 'nowhere' }],
    ]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await saveRunRecord(backing, first.id, { progress: 0.1 });
    const { runs, unreadable } = await listRunRecords(backing);
    const mine = runs.map(({ id }) => id).filter((id) => id === first.id || id === second.id);
    expect(mine).toEqual([first.id, second.id]);
    const reasons = new Map(unreadable.map(({ id, report }) => [id, report]));
    expect(reasons.get(future)).toMatchObject({
      code: 'run-unreadable',
      message: expect.stringContaining('version 3'),
    });
    expect(reasons.get(broken)).toMatchObject({
      code: 'run-unreadable',
      message: expect.stringContaining('stage'),
    });
    await deleteRun(backing, future);
    await deleteRun(backing, broken);
    expect((await listRunRecords(backing)).unreadable).toEqual([]);
  });

  test('shows a run with a damaged part, and opening it names the part', async () => {
    const { id } = await newRun();
    await writeValues([[`run-part:${id}:spec`, { ...spec, sampling: { ...spec.sampling, steps: 'many' } }]]);
    expect((await listRunRecords(backing)).runs.some((run) => run.id === id)).toBe(true);
    await expect(loadRunRecord(backing, id)).rejects.toMatchObject({
      code: 'run-unreadable',
      message: expect.stringContaining('spec.sampling.steps'),
    });
  });

  test('keeps fields that a newer page added', async () => {
    const { id } = await newRun();
    await writeValues([[`run-part:${id}:spec`, { ...spec, extra: { a: 1 } }]]);
    expect((await loadRunRecord(backing, id)).spec).toEqual({ ...spec, extra: { a: 1 } });
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
    expect(await loadSeries(kv, id, 'train', silent)).toEqual(records);
    expect((await valuesWithPrefix(`run-series:${id}:train:`)).size).toBe(3);
    expect(await loadSeries(kv, id, 'validation', silent)).toEqual([]);
  });

  test.each([0, 1, 127, 128, 129, 256, 299, 300, 400])(
    'is cut to its first %i entries and goes on',
    async (keep) => {
      const { id } = await newRun();
      const records = Array.from({ length: 300 }, (_, step) => trainRecord(step));
      await appendSeries(kv, id, 'train', records);
      await appendSeries(kv, id, 'validation', []);
      await replaceSeries(kv, id, 'train', records.slice(0, keep));
      await appendSeries(kv, id, 'train', [trainRecord(1000)]);
      expect(await loadSeries(kv, id, 'train', silent)).toEqual([
        ...records.slice(0, keep),
        trainRecord(1000),
      ]);
    },
  );

  test('keeps numbers that are none, and arrays', async () => {
    const { id } = await newRun();
    const diverged = { ...trainRecord(3), loss: Number.NaN, gradNorm: Number.POSITIVE_INFINITY };
    await appendSeries(kv, id, 'train', [diverged]);
    expect(await loadSeries(kv, id, 'train', silent)).toEqual([diverged]);
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
    expect(await loadSeries(kv, id, 'scores', silent)).toEqual([
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
    expect(await loadSeries(kv, id, 'scores', silent)).toEqual([
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
    expect((await loadRunRecord(backing, id)).evaluations).toEqual([
      { ...evaluation, version: 0, metrics: { exact: { before: mean, after: mean, change } } },
    ]);
  });

  test('that is damaged says so', async () => {
    const { id } = await newRun();
    await writeValues([[`run-series:${id}:train:00000000`, [trainRecord(0), { step: 'x' }]]]);
    await expect(loadSeries(kv, id, 'train', silent)).rejects.toMatchObject({ code: 'run-unreadable' });
  });
});

test('images of training are read by what made them, the last of many', async () => {
  const { previews } = openRunStore(backing, (await newRun()).id);
  const image = { width: 1, height: 1, rgba: new Uint8ClampedArray(4) };
  for (let step = 0; step < 250; step++)
    for (const version of [0, 1]) await previews.save({ version, round: 0, step, prompt: 'x', image });
  const stepsOf = async (version: number) =>
    (await previews.load((of) => of.version === version)).map(({ step }) => step);
  for (const version of [0, 1])
    expect(await stepsOf(version)).toEqual(Array.from({ length: 240 }, (_, i) => i + 10));
  expect(await stepsOf(2)).toEqual([]);
});
