/** One stored run as its stages see it: record, series, pools, checkpoints, wherever they lie. */
import type { Backing } from './backing.ts';
import { loadCheckpoint, saveCheckpoints } from './checkpoints.ts';
import type { CheckpointSlot } from './keys.ts';
import type { PoolHeader } from './poolFormat.ts';
import { evaluatedPath, poolPath } from './poolLog.ts';
import { leasePool, leaseStoredPool, type PoolLease } from './pools.ts';
import type { RunHead, RunSeries, SeriesName } from './runRecord.ts';
import { loadRunRecord, type RunPatch, type RunRecord, runFolder, saveRunRecord } from './runs.ts';
import { appendSeries, cutSeries, loadSeries } from './series.ts';

export type RunStore = {
  readonly id: string;
  /** @throws StudioError `run-missing` or `run-unreadable` */
  load(): Promise<RunRecord>;
  /** Changes what the patch names, in one transaction. @throws StudioError `run-missing` or `run-unreadable` */
  save(patch: RunPatch): Promise<RunHead>;
  readonly series: {
    append<S extends SeriesName>(name: S, entries: readonly RunSeries[S][]): Promise<void>;
    /** In the order they were added. @throws StudioError `run-unreadable` */
    load<S extends SeriesName>(name: S): Promise<RunSeries[S][]>;
    /** Keeps the first `keep` entries. */
    cut(name: SeriesName, keep: number): Promise<void>;
  };
  readonly pools: {
    /** The pool of a round, begun if there is none. @throws StudioError as `openPoolLog` */
    lease(round: number, header: PoolHeader): Promise<PoolLease>;
    /** As it is stored, whatever made it; null if there is none. */
    leaseStored(round: number): Promise<PoolLease | null>;
    /** The images by which a round's adapter, kept at `step`, is judged. */
    leaseEvaluated(round: number, step: number, header: PoolHeader): Promise<PoolLease>;
    /** As they are stored, whatever made them; null if there are none. */
    leaseStoredEvaluated(round: number, step: number): Promise<PoolLease | null>;
    /** The real images of the run, encoded and measured. */
    leaseReal(header: PoolHeader): Promise<PoolLease>;
  };
  readonly checkpoints: {
    /** Replaces one or both slots in one transaction. */
    save(slots: Readonly<Partial<Record<CheckpointSlot, object>>>): Promise<void>;
    /** What was saved, to be validated by the reader; undefined if there is none. */
    load(slot: CheckpointSlot): Promise<unknown>;
  };
};

export function openRunStore(backing: Backing, id: string): RunStore {
  const { records } = backing;
  return {
    id,
    load: () => loadRunRecord(records, id),
    save: (patch) => saveRunRecord(records, id, patch),
    series: {
      append: (name, entries) => appendSeries(records, id, name, entries),
      load: (name) => loadSeries(records, id, name),
      cut: (name, keep) => cutSeries(records, id, name, keep),
    },
    pools: {
      lease: (round, header) => leasePool(backing, poolPath(id, round), header),
      leaseStored: (round) => leaseStoredPool(backing, poolPath(id, round)),
      leaseEvaluated: (round, step, header) => leasePool(backing, evaluatedPath(id, round, step), header),
      leaseStoredEvaluated: (round, step) => leaseStoredPool(backing, evaluatedPath(id, round, step)),
      leaseReal: (header) => leasePool(backing, `${runFolder(id)}/real.bin`, header),
    },
    checkpoints: {
      save: (slots) => saveCheckpoints(records, id, slots),
      load: (slot) => loadCheckpoint(records, id, slot),
    },
  };
}
