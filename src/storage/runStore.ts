/** One stored run as its stages see it: record, series, pools, checkpoints, wherever they lie. */
import type { Preview } from '../contract/events.ts';
import type { ErrorReport } from '../lib/errors.ts';
import type { Backing } from './backing.ts';
import {
  type CheckpointHead,
  listCheckpoints,
  loadCheckpoint,
  type StoredCheckpoint,
  saveCheckpoint,
} from './checkpoints.ts';
import { migrateRun } from './migrate.ts';
import type { PoolHeader } from './poolFormat.ts';
import { type EvaluatedSet, evaluatedPath, poolPath } from './poolLog.ts';
import { leasePool, leaseStoredPool, type PoolLease } from './pools.ts';
import { hasPreview, loadPreviews, savePreview } from './previews.ts';
import type { RunHead, RunRecord, RunSeries, SeriesName } from './runRecord.ts';
import { addWarnings, loadRunRecord, type RunPatch, runFolder, saveRunRecord } from './runs.ts';
import { appendSeries, loadSeries, replaceSeries } from './series.ts';

export type RunStore = {
  readonly id: string;
  /** Brings a run of an older version up to date first. @throws StudioError `run-missing` or `run-unreadable` */
  load(): Promise<RunRecord>;
  /** Changes what the patch names, in one transaction. @throws StudioError `run-missing` or `run-unreadable` */
  save(patch: RunPatch): Promise<RunHead>;
  /** Keeps warnings with the run, each once. */
  warn(reports: readonly ErrorReport[]): Promise<void>;
  readonly series: {
    append<S extends SeriesName>(name: S, entries: readonly RunSeries[S][]): Promise<void>;
    /** In the order they were added; what is damaged is left out, and the run says so. @throws StudioError `run-unreadable` */
    load<S extends SeriesName>(name: S): Promise<RunSeries[S][]>;
    replace<S extends SeriesName>(name: S, entries: readonly RunSeries[S][]): Promise<void>;
  };
  readonly pools: {
    /** The pool of a round, begun if there is none. @throws StudioError `run-open-elsewhere` or `pool-mismatch` */
    lease(round: number, header: PoolHeader): Promise<PoolLease>;
    /** As it is stored, whatever made it; null if there is none. */
    leaseStored(round: number): Promise<PoolLease | null>;
    /** The images by which a round's adapter, kept at `step`, is judged. */
    leaseEvaluated(of: EvaluatedSet, header: PoolHeader): Promise<PoolLease>;
    /** As they are stored, whatever made them; null if there are none. */
    leaseStoredEvaluated(of: EvaluatedSet): Promise<PoolLease | null>;
    /** The real images of the run, encoded and measured. */
    leaseReal(header: PoolHeader): Promise<PoolLease>;
  };
  readonly checkpoints: {
    /** Newest first, as their heads tell. */
    list(): Promise<readonly StoredCheckpoint[]>;
    /** What was saved, to be validated by the reader; undefined if it is damaged. */
    load(checkpoint: StoredCheckpoint): Promise<unknown>;
    /** Answers once the disk has it; those before stay as long as they are needed. */
    save(head: Omit<CheckpointHead, 'sequence'>, state: object): Promise<void>;
  };
  readonly previews: {
    save(preview: Preview): Promise<void>;
    /** True if it is stored and intact. */
    has(of: Pick<Preview, 'version' | 'round' | 'step'>): Promise<boolean>;
    /** In the order of their steps; damaged ones are left out, and the run says so. */
    load(isWanted: Parameters<typeof loadPreviews>[2]): Promise<readonly Preview[]>;
  };
};

export function openRunStore(backing: Backing, id: string): RunStore {
  const { files } = backing;
  const warn: RunStore['warn'] = (reports) => addWarnings(backing, id, reports);
  return {
    id,
    load: async () => {
      const record = await loadRunRecord(backing, id);
      return record.version === 1 ? migrateRun(backing, record) : record;
    },
    save: (patch) => saveRunRecord(backing, id, patch),
    warn,
    series: {
      append: (name, entries) => appendSeries(backing.records, id, name, entries),
      load: (name) => loadSeries(backing.records, id, name, warn),
      replace: (name, entries) => replaceSeries(backing.records, id, name, entries),
    },
    pools: {
      lease: (round, header) => leasePool(backing, poolPath(id, round), header, warn),
      leaseStored: (round) => leaseStoredPool(backing, poolPath(id, round), warn),
      leaseEvaluated: (of, header) => leasePool(backing, evaluatedPath(id, of), header, warn),
      leaseStoredEvaluated: (of) => leaseStoredPool(backing, evaluatedPath(id, of), warn),
      leaseReal: (header) => leasePool(backing, `${runFolder(id)}/real.bin`, header, warn),
    },
    checkpoints: {
      list: () => listCheckpoints(files, id),
      load: (checkpoint) => loadCheckpoint(files, id, checkpoint),
      save: (head, state) => saveCheckpoint(files, id, head, state),
    },
    previews: {
      save: (preview) => savePreview(files, id, preview),
      has: (of) => hasPreview(files, id, of),
      load: (isWanted) => loadPreviews(files, id, isWanted, warn),
    },
  };
}
