// Power cuts under the store alone: a run without networks, whose every number follows from its place, so that thousands
// of cuts take a minute. After each cut, what is read is right or absent, never wrong; and while both stores are honest,
// nothing that was acknowledged is missing.

import { StudioError } from '../../src/lib/errors.ts';
import type { Backing } from '../../src/storage/backing.ts';
import type { PoolLog } from '../../src/storage/poolLog.ts';
import { openRunStore, type RunStore } from '../../src/storage/runStore.ts';
import { createRunRecord, listRunRecords, recoverRun } from '../../src/storage/runs.ts';
import { spec } from '../../tests/helpers/fullSpec.ts';
import { type Loss, MemoryDisk, PowerCut } from '../../tests/helpers/memoryDisk.ts';
import { LAGS, type Lag, lossOf, planCuts } from './losses.ts';
import { randomOf } from './random.ts';

export type StoreCase = {
  readonly seed: number;
  readonly lag: Lag;
  readonly cuts: number;
  readonly reason: string | null;
};

const HEADER = { latentSize: 300, timesteps: [900, 500, 100], source: 'torture' };
const CANDIDATES = 12;
const BATCH = 3;
const STEPS = 8;
/** About what an undisturbed run takes. */
const OPERATIONS = 100;

/** What the disk has acknowledged: it must be there again if both stores are honest. */
type Acknowledged = { created: boolean; candidates: number; step: number; stage: string };

/** A disk that can lose its power. */
export type Disk = {
  readonly backing: Backing;
  cutAfter(operations: number): void;
  restart(loss: Loss): void | Promise<void>;
};

/** @param disk an empty one */
export async function storeCutCase(seed: number, disk: Disk = new MemoryDisk()): Promise<StoreCase> {
  const random = randomOf(seed);
  const lag = LAGS[seed % LAGS.length] as Lag;
  const planned = planCuts(seed, random, OPERATIONS);
  const known: Acknowledged = { created: false, candidates: 0, step: -1, stage: 'load' };
  let cuts = 0;
  try {
    for (;;) {
      if (cuts < planned.cuts) disk.cutAfter(Math.floor(random() * planned.operations));
      try {
        await goOn(disk, known);
        break;
      } catch (error) {
        if (!(error instanceof PowerCut)) throw error;
        cuts++;
        await disk.restart(lossOf(lag, random));
        if (lag === 'none') await assertKept(disk, known);
      }
    }
    await disk.restart({ random, records: 0, files: 0 });
    await assertKept(disk, { created: true, candidates: CANDIDATES, step: STEPS, stage: 'done' });
    return { seed, lag, cuts, reason: null };
  } catch (error) {
    return { seed, lag, cuts, reason: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * The disk is full from one write on. Whoever writes hears of it, nothing that was acknowledged is missing, and once there
 * is room the run comes to its end.
 * @returns what is wrong; null for nothing
 */
export async function storeFullCase(writes: number): Promise<string | null> {
  const disk = new MemoryDisk();
  const known: Acknowledged = { created: false, candidates: 0, step: -1, stage: 'load' };
  disk.fullAfter(writes);
  try {
    const told = await goOn(disk, known).then(
      () => 'done',
      (error: unknown) => (error instanceof StudioError ? error.code : String(error)),
    );
    if (told !== (disk.writes > writes ? 'storage-full' : 'done')) return told;
    disk.fullAfter(Number.POSITIVE_INFINITY);
    if (!known.created && (await findRun(disk)) !== null) throw new Error('a run that nobody was told of');
    await assertKept(disk, known);
    await goOn(disk, known);
    await assertKept(disk, { created: true, candidates: CANDIDATES, step: STEPS, stage: 'done' });
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Finds the run, or begins it, and brings it to its end, checking all that is there. */
async function goOn(disk: Disk, known: Acknowledged): Promise<void> {
  const { backing } = disk;
  const id = (await findRun(disk)) ?? (await createRunRecord(backing, { spec, name: 'torture' })).id;
  known.created = true;
  const store = openRunStore(backing, id);
  const record = await store.load();
  if (record.spec.seed !== spec.seed || String(record.spec.prompts) !== String(spec.prompts))
    throw new Error('other settings');
  await drawAll(store, known);
  await moveTo(store, known, 'train');
  const first = (await newestStep(store)) + 1;
  for (let step = first; step <= STEPS; step++) {
    await store.series.append('train', [trainRecord(step)]);
    await store.checkpoints.save(
      { version: 0, round: 0, step, best: step - (step % 3), resumable: true },
      { step, m: numbers(200, step) },
    );
    known.step = Math.max(known.step, step);
  }
  await moveTo(store, known, 'done');
}

async function drawAll(store: RunStore, known: Acknowledged): Promise<void> {
  const lease = await store.pools.lease(0, HEADER);
  try {
    const scored = await checkedScores(store);
    checkPool(lease.log);
    const isMissing = (c: number): boolean => !lease.log.has(0, c) || !scored.has(c);
    const missing = Array.from({ length: CANDIDATES }, (_, c) => c).filter(isMissing);
    for (let from = 0; from < missing.length; from += BATCH) {
      const batch = missing.slice(from, from + BATCH);
      await store.series.append('scores', batch.map(scoreEntry));
      await lease.log.append(batch.filter((c) => !lease.log.has(0, c)).map(poolRecord));
      await store.save({ progress: lease.log.size / CANDIDATES });
      known.candidates = Math.max(known.candidates, lease.log.size);
    }
  } finally {
    lease.close();
  }
}

async function moveTo(store: RunStore, known: Acknowledged, stage: 'train' | 'done'): Promise<void> {
  await store.save({ stage });
  known.stage = stage;
}

/** What was acknowledged is there, and all that is there is right. */
async function assertKept(disk: Disk, known: Acknowledged): Promise<void> {
  const id = await findRun(disk);
  if (id === null) {
    if (known.created) throw new Error('the run is gone');
    return;
  }
  const store = openRunStore(disk.backing, id);
  const { stage } = await store.load();
  if (known.stage !== 'load' && stage !== known.stage && stage !== 'done')
    throw new Error(`at ${stage}, not ${known.stage}`);
  const lease = await store.pools.lease(0, HEADER);
  try {
    checkPool(lease.log);
    if (lease.log.size < known.candidates) throw new Error(`${lease.log.size} of ${known.candidates} images`);
    const scored = await checkedScores(store);
    if (scored.size < known.candidates) throw new Error(`${scored.size} of ${known.candidates} scores`);
  } finally {
    lease.close();
  }
  const step = await newestStep(store);
  if (step < known.step) throw new Error(`state of step ${step}, not ${known.step}`);
}

async function findRun({ backing }: Disk): Promise<string | null> {
  const { runs, lost, unreadable } = await listRunRecords(backing);
  if (unreadable.length > 0) throw new Error(`unreadable: ${unreadable[0]?.report.message}`);
  const found = runs[0] ?? (lost[0] === undefined ? undefined : await recoverRun(backing, lost[0].id));
  return found?.id ?? null;
}

/** Step of the newest intact state; -1 without one. @throws Error if one passes for intact that is not */
async function newestStep(store: RunStore): Promise<number> {
  for (const head of await store.checkpoints.list()) {
    const state = (await store.checkpoints.load(head)) as { step: number; m: Float32Array } | undefined;
    if (state === undefined) continue;
    const expected = numbers(200, head.step);
    if (state.step !== head.step || !state.m.every((x, i) => x === expected[i]))
      throw new Error('a wrong state');
    return head.step;
  }
  return -1;
}

async function checkedScores(store: RunStore): Promise<ReadonlySet<number>> {
  const entries = await store.series.load('scores');
  if (entries.some((e) => e.score !== e.candidate / 7)) throw new Error('a wrong score');
  return new Set(entries.map((e) => e.candidate));
}

function checkPool(log: PoolLog): void {
  for (const { candidate } of log.entries()) {
    const expected = poolRecord(candidate);
    const latent = log.latents([{ prompt: 0, candidate }]);
    if (!latent.every((x, i) => x === expected.latent[i])) throw new Error('a wrong image');
  }
}

function poolRecord(candidate: number) {
  return {
    prompt: 0,
    candidate,
    seed: candidate,
    trace: numbers(3, candidate),
    latent: numbers(300, candidate),
  };
}

function scoreEntry(candidate: number) {
  return {
    round: 0,
    prompt: 0,
    candidate,
    score: candidate / 7,
    standardError: null,
    metrics: {},
    terms: null,
  };
}

function trainRecord(step: number) {
  return { version: 0, round: 0, step, loss: 1 / (step + 1), gradNorm: 1, learningRate: 1e-4 };
}

function numbers(count: number, of: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.fround((i + 1) / (of + 2)));
}
