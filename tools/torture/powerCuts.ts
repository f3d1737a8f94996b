// Power cuts on a disk in memory: a run is cut off at a random operation, the disk loses what it may, the run goes on
// from what is left, and has to come to the same end.

import type { StageName } from '../../src/contract/events.ts';
import type { RunState } from '../../src/contract/runTypes.ts';
import { loadRunState } from '../../src/jobs/runState.ts';
import { adapterOfRun } from '../../src/jobs/trained.ts';
import { StudioError } from '../../src/lib/errors.ts';
import type { Session } from '../../src/procedures/session.ts';
import { openRunStore } from '../../src/storage/runStore.ts';
import { listRunRecords, recoverRun } from '../../src/storage/runs.ts';
import { MemoryDisk, PowerCut } from '../../tests/helpers/memoryDisk.ts';
import { createNodeRun, workOn } from '../../tests/helpers/nodeStudio.ts';
import type { SpecChange } from '../../tests/helpers/runSpec.ts';
import { LAGS, type Lag, lossOf, planCuts } from './losses.ts';
import { randomOf } from './random.ts';

export type CutCase = {
  readonly seed: number;
  readonly lag: Lag;
  /** Cuts in a row, each while the run recovered from the one before. */
  readonly cuts: number;
  /** Stages that the cuts came in. */
  readonly stages: readonly StageName[];
  /** `gone`: the power went before the disk had anything of the run. */
  readonly result: 'same' | 'gone' | 'failed';
  readonly reason: string | null;
};

/** The disk was full from this write of the run on. */
export type FullCase = { readonly seed: number; readonly reason: string | null };

/** Everything that a run is for. */
type Outcome = Pick<RunState, 'candidates' | 'stopped' | 'selections' | 'train' | 'validation'> & {
  readonly adapter: readonly Float32Array[];
};

/** What an undisturbed run comes to, and how many operations, and writes among them, that takes. */
export type Undisturbed = { readonly outcome: string; readonly operations: number; readonly writes: number };

/** A second or less on one core; with everything in it that a run stores. */
const CHANGE: SpecChange = {
  prompts: ['a red cat', 'the dog'],
  sampling: { steps: 2 },
  // Of one prompt a candidate is stopped early; the other is held out.
  selection: { candidates: 2, earlyStop: true },
  training: { iterations: 2, batch: 1, checkpointEvery: 1, previewEvery: 2, validationShare: 0.5 },
};
const UNTIL: StageName = 'train';

export async function undisturbed(session: Session): Promise<Undisturbed> {
  const disk = new MemoryDisk();
  const id = await createNodeRun(disk.backing, CHANGE);
  await workOn(session, disk.backing, id, { until: UNTIL });
  const { operations, writes } = disk;
  return { outcome: await outcomeOf(disk, id), operations, writes };
}

export async function powerCutCase(session: Session, seed: number, expected: Undisturbed): Promise<CutCase> {
  const random = randomOf(seed);
  const lag = LAGS[seed % LAGS.length] as Lag;
  const planned = planCuts(seed, random, expected.operations);
  const disk = new MemoryDisk();
  const stages: StageName[] = [];
  let cuts = 0;
  const of = (result: CutCase['result'], reason: string | null = null): CutCase => ({
    seed,
    lag,
    cuts,
    stages,
    result,
    reason,
  });
  let id: string | null = null;
  try {
    for (;;) {
      if (cuts < planned.cuts) disk.cutAfter(Math.floor(random() * planned.operations));
      try {
        id ??= await createNodeRun(disk.backing, CHANGE);
        await workOn(session, disk.backing, id, { until: UNTIL });
        break;
      } catch (error) {
        if (!(error instanceof PowerCut)) throw error;
        cuts++;
        disk.restart(lossOf(lag, random));
        const left = await afterRestart(disk);
        if (left === null) return of('gone');
        id = left.id;
        stages.push(left.stage);
      }
    }
    disk.restart({ random, records: 0, files: 0 });
    const outcome = await outcomeOf(disk, id);
    return outcome === expected.outcome ? of('same') : of('failed', 'another outcome');
  } catch (error) {
    const reason = error instanceof StudioError ? `${error.code}: ${error.message}` : String(error);
    return of('failed', reason);
  }
}

/**
 * The disk is full from one write of the run on: it stops and says so, and once there is room it comes to the same end.
 * @param seed number of writes that there is room for
 */
export async function fullDiskCase(session: Session, seed: number, expected: Undisturbed): Promise<FullCase> {
  const of = (reason: string | null): FullCase => ({ seed, reason });
  const disk = new MemoryDisk();
  try {
    const id = await createNodeRun(disk.backing, CHANGE);
    const created = disk.writes;
    disk.fullAfter(seed);
    const told = await workOn(session, disk.backing, id, { until: UNTIL }).then(
      () => 'done',
      (error: unknown) => (error instanceof StudioError ? error.code : String(error)),
    );
    if (told !== (disk.writes - created > seed ? 'storage-full' : 'done')) return of(told);
    disk.fullAfter(Number.POSITIVE_INFINITY);
    await workOn(session, disk.backing, id, { until: UNTIL });
    return of((await outcomeOf(disk, id)) === expected.outcome ? null : 'another outcome');
  } catch (error) {
    return of(error instanceof Error ? error.message : String(error));
  }
}

/** The run as it is found again, recovered where its records are gone; null if there is none. */
async function afterRestart({ backing }: MemoryDisk): Promise<{ id: string; stage: StageName } | null> {
  const { runs, lost, unreadable } = await listRunRecords(backing);
  if (unreadable.length > 0) throw new Error(unreadable[0]?.report.message);
  return runs[0] ?? (lost[0] === undefined ? null : recoverRun(backing, lost[0].id));
}

async function outcomeOf(disk: MemoryDisk, id: string): Promise<string> {
  const { candidates, stopped, selections, train, validation } = await loadRunState(disk.backing, id);
  const { adapter } = await adapterOfRun(openRunStore(disk.backing, id), 'best');
  const outcome: Outcome = { candidates, stopped, selections, train, validation, adapter: adapter.tensors };
  return JSON.stringify(outcome);
}
