/** The runs of this browser: what they are asked to do, how far they are, and what came out beside the images. */
import * as v from 'valibot';
import type { MiTuneSpec } from '../contract/spec.ts';
import { type ErrorReport, reportError, StudioError } from '../lib/errors.ts';
import type { Backing, Records, StoreEntry } from './backing.ts';
import { checkpointBytes } from './checkpoints.ts';
import {
  allSeriesOf,
  checkpointSizesOf,
  checkpointsOf,
  idOf,
  runKey,
  runPartKey,
  runPartsOf,
} from './keys.ts';
import { checkId } from './paths.ts';
import { openElsewhere } from './poolLog.ts';
import { missingRun, unreadable } from './runErrors.ts';
import { headSchema, partSchemas, type RunHead, type RunParts } from './runRecord.ts';

export type RunRecord = RunHead & RunParts;
export type RunPatch = Partial<Omit<RunHead, 'version' | 'id' | 'createdAt' | 'updatedAt'> & RunParts>;

export type RunList = {
  /** Newest change first. */
  readonly runs: readonly RunHead[];
  /** Runs of other versions, or damaged: they can be deleted. */
  readonly unreadable: readonly { readonly id: string; readonly report: ErrorReport }[];
};

/** Stores a new run under an identifier of its own. */
export async function createRunRecord(
  records: Records,
  run: {
    readonly spec: MiTuneSpec;
    readonly name: string;
    readonly heldOut?: readonly number[];
  },
): Promise<RunHead> {
  const id = crypto.randomUUID();
  const now = Date.now();
  const head: RunHead = {
    version: 1,
    id,
    name: run.name,
    createdAt: now,
    updatedAt: now,
    status: 'new',
    stage: 'load',
    round: 0,
    progress: 0,
    seconds: {},
  };
  const parts: RunParts = {
    spec: run.spec,
    heldOut: run.heldOut ?? [],
    selections: [],
    evaluations: [],
    warnings: [],
  };
  await records.writeValues([[runKey(id), head], ...partEntries(id, parts)]);
  return head;
}

/** All runs, read from their heads alone; one that cannot be read does not hide the others. */
export async function listRunRecords(records: Records): Promise<RunList> {
  const runs: RunHead[] = [];
  const unreadableRuns: { id: string; report: ErrorReport }[] = [];
  for (const [key, value] of await records.valuesWithPrefix('run:')) {
    const id = idOf(key);
    try {
      runs.push(parseHead(id, value));
    } catch (error) {
      unreadableRuns.push({ id, report: reportError(error) });
    }
  }
  return { runs: runs.sort((a, b) => b.updatedAt - a.updatedAt), unreadable: unreadableRuns };
}

/** @throws StudioError `run-missing` or `run-unreadable` */
export async function loadRunRecord(records: Records, id: string): Promise<RunRecord> {
  const head = parseHead(id, await records.readValue(runKey(id)));
  const stored = await records.valuesWithPrefix(runPartsOf(id));
  const part = <P extends keyof RunParts>(name: P): RunParts[P] => {
    const result = v.safeParse(partSchemas[name], stored.get(runPartKey(id, name)));
    if (result.success) return result.output as RunParts[P];
    const [issue] = result.issues;
    throw unreadable(id, `${[name, v.getDotPath(issue)].filter(Boolean).join('.')}: ${issue.message}`);
  };
  return {
    ...head,
    spec: part('spec'),
    heldOut: part('heldOut'),
    selections: part('selections'),
    evaluations: part('evaluations'),
    warnings: part('warnings'),
  };
}

/** What a run is asked to do; null if that cannot be read. */
export async function loadRunSpec(records: Records, id: string): Promise<MiTuneSpec | null> {
  const { success, output } = v.safeParse(partSchemas.spec, await records.readValue(runPartKey(id, 'spec')));
  return success ? output : null;
}

/**
 * Changes a run; only what the patch names is written, together in one transaction.
 * @throws StudioError `run-missing` or `run-unreadable`
 */
export async function saveRunRecord(records: Records, id: string, patch: RunPatch): Promise<RunHead> {
  const names = Object.keys(partSchemas);
  const parts = Object.fromEntries(Object.entries(patch).filter(([name]) => names.includes(name)));
  const changes = Object.fromEntries(Object.entries(patch).filter(([name]) => !names.includes(name)));
  let saved: RunHead | undefined;
  await records.updateValue(
    runKey(id),
    (old) => {
      saved = { ...parseHead(id, old), ...changes, updatedAt: Date.now() };
      return saved;
    },
    partEntries(id, parts),
  );
  return saved as unknown as RunHead; // `updateValue` has called back
}

/**
 * Removes a run with its images and checkpoints. Its files go first: if the run is in use, nothing is removed.
 * @throws StudioError `run-open-elsewhere` if its pool log is open, here or in another tab
 */
export async function deleteRun({ files, records }: Backing, id: string): Promise<void> {
  try {
    await files.removeTree(runFolder(id));
  } catch (error) {
    if (error instanceof StudioError && error.code === 'storage-in-use') throw openElsewhere(id, error);
    throw error;
  }
  await records.deleteValues(
    [runKey(id)],
    [runPartsOf(id), allSeriesOf(id), checkpointsOf(id), checkpointSizesOf(id)],
  );
}

/** Bytes of a run's files and checkpoints; its records, a few hundred bytes per training step, are not counted. */
export async function runSizeBytes({ files, records }: Backing, id: string): Promise<number> {
  return (await files.sizeOf(runFolder(id))) + (await checkpointBytes(records, id));
}

/** Folder of a run's files. */
export function runFolder(id: string): string {
  return `runs/${checkId(id)}`;
}

function parseHead(id: string, value: unknown): RunHead {
  if (value === undefined) throw missingRun(id);
  const version = v.safeParse(v.object({ version: v.number() }), value);
  if (version.success && version.output.version !== 1)
    throw unreadable(id, `version ${version.output.version}`);
  const result = v.safeParse(headSchema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw unreadable(id, `${v.getDotPath(issue) ?? 'record'}: ${issue.message}`);
}

function partEntries(id: string, parts: Readonly<Record<string, unknown>>): StoreEntry[] {
  return Object.entries(parts).map(([name, value]) => [runPartKey(id, name), value]);
}
