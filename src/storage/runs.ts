/** The runs of this browser: what they are asked to do, how far they are, and what came out beside the images. */
import * as v from 'valibot';
import type { MiTuneSpec } from '../contract/spec.ts';
import { type ErrorReport, reportError, StudioError } from '../lib/errors.ts';
import type { Backing, Records, StoreEntry } from './backing.ts';
import {
  allSeriesOf,
  checkpointSizesOf,
  checkpointsOf,
  idOf,
  runKey,
  runPartKey,
  runPartsOf,
} from './keys.ts';
import { fileLock, runLock } from './locks.ts';
import { readMirror, writeMirror } from './mirror.ts';
import { checkId } from './paths.ts';
import { keptByBrowser, missingRun, openElsewhere, unreadable } from './runErrors.ts';
import { headSchema, partSchemas, type RunHead, type RunParts, type RunRecord } from './runRecord.ts';
import { DAMAGED } from './sealedRecords.ts';

export type RunPatch = Partial<Omit<RunHead, 'version' | 'id' | 'createdAt' | 'updatedAt'> & RunParts>;

export type RunList = {
  /** Newest change first. */
  readonly runs: readonly RunHead[];
  /** Runs of newer versions: they can be deleted. */
  readonly unreadable: readonly { readonly id: string; readonly report: ErrorReport }[];
  /** Runs whose files are there and whose records are gone: they can be recovered. */
  readonly lost: readonly RunHead[];
};

/** Stores a new run under an identifier of its own. */
export async function createRunRecord(
  backing: Backing,
  run: {
    readonly spec: MiTuneSpec;
    readonly name: string;
    readonly heldOut?: readonly number[];
  },
): Promise<RunHead> {
  const id = crypto.randomUUID();
  const now = Date.now();
  const head: RunHead = {
    version: 2,
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
  try {
    await storeRecord(backing, { ...head, ...parts });
  } catch (error) {
    // For want of room, perhaps after a part of it: nobody hears of this run.
    await removeRun(backing, id).catch(() => undefined);
    throw error;
  }
  return head;
}

/** All runs, read from their heads alone; one that cannot be read does not hide the others. */
export async function listRunRecords(backing: Backing): Promise<RunList> {
  const runs: RunHead[] = [];
  const lost: RunHead[] = [];
  const unreadableRuns: { id: string; report: ErrorReport }[] = [];
  const stored = await backing.records.valuesWithPrefix('run:');
  for (const [key, value] of stored) {
    const id = idOf(key);
    try {
      runs.push(parseHead(id, value === DAMAGED ? await readMirror(backing.files, id) : value));
    } catch (error) {
      unreadableRuns.push({ id, report: reportError(error) });
    }
  }
  for (const id of await backing.files.listFolders('runs')) {
    const mirror = stored.has(runKey(id)) ? null : await readMirror(backing.files, id);
    if (mirror !== null) lost.push(mirror);
  }
  const newest = (a: RunHead, b: RunHead): number => b.updatedAt - a.updatedAt;
  return { runs: runs.sort(newest), unreadable: unreadableRuns, lost: lost.sort(newest) };
}

/** Puts the record of a lost run back. @throws StudioError `run-missing` if there is no intact copy of it */
export async function recoverRun(backing: Backing, id: string): Promise<RunHead> {
  const mirror = await readMirror(backing.files, id);
  if (mirror === null) throw missingRun(id);
  const recovered: RunRecord = {
    ...mirror,
    status: 'paused',
    warnings: [...mirror.warnings, recordRestored(id)],
  };
  await storeRecord(backing, recovered);
  return recovered;
}

/**
 * A record, or parts of one, that is damaged is taken from its second copy, and the run says so.
 * @throws StudioError `run-missing` or `run-unreadable`
 */
export async function loadRunRecord(backing: Backing, id: string): Promise<RunRecord> {
  const { records, files } = backing;
  const value = await records.readValue(runKey(id));
  const stored = await records.valuesWithPrefix(runPartsOf(id));
  if (value === DAMAGED || [...stored.values()].includes(DAMAGED)) {
    const mirror = await readMirror(files, id);
    if (mirror === null) throw unreadable(id, 'its record and the copy of it are damaged');
    const restored = { ...mirror, warnings: [...mirror.warnings, recordRestored(id)] };
    await storeRecord(backing, restored);
    return restored;
  }
  const head = parseHead(id, value);
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
  const stored = await records.readValue(runPartKey(id, 'spec'));
  const { success, output } = v.safeParse(partSchemas.spec, stored);
  return success ? output : null;
}

/**
 * Changes a run; only what the patch names is written, together in one transaction, and then the copy.
 * @throws StudioError `run-missing` or `run-unreadable`
 */
export async function saveRunRecord(backing: Backing, id: string, patch: RunPatch): Promise<RunHead> {
  const names = Object.keys(partSchemas);
  const parts = Object.fromEntries(Object.entries(patch).filter(([name]) => names.includes(name)));
  const changes = Object.fromEntries(Object.entries(patch).filter(([name]) => !names.includes(name)));
  let saved: RunHead | undefined;
  await backing.records.updateValue(
    runKey(id),
    (old) => {
      saved = { ...parseHead(id, old), ...changes, updatedAt: Date.now() };
      return saved;
    },
    partEntries(id, parts),
  );
  // How far a stage is can be lost: the stage finds out by itself.
  if (Object.keys(patch).some((name) => name !== 'progress' && name !== 'seconds'))
    await writeMirror(backing.files, await loadRunRecord(backing, id));
  return saved as unknown as RunHead; // `updateValue` has called back
}

/** Adds a warning, once. */
export async function addWarnings(
  backing: Backing,
  id: string,
  reports: readonly ErrorReport[],
): Promise<void> {
  const { warnings } = await loadRunRecord(backing, id);
  const known = new Set(warnings.map(({ code, message }) => `${code} ${message}`));
  const fresh = reports.filter(({ code, message }) => !known.has(`${code} ${message}`));
  if (fresh.length > 0) await saveRunRecord(backing, id, { warnings: [...warnings, ...fresh] });
}

/**
 * Removes a run with its images and checkpoints. Its files go first: if the run is in use, nothing is removed.
 * @throws StudioError `run-open-elsewhere` if it is worked on, or its pool is open, here or in another tab
 */
export async function deleteRun(backing: Backing, id: string): Promise<void> {
  await withRunLock(backing, id, async () => {
    try {
      await removeRun(backing, id);
    } catch (error) {
      if (!(error instanceof StudioError) || error.code !== 'storage-in-use') throw error;
      throw (await isLookedAt(backing, id)) ? openElsewhere(id, error) : keptByBrowser(id, error);
    }
  });
}

/** True while somebody has one of its files open. */
async function isLookedAt({ locks }: Backing, id: string): Promise<boolean> {
  return [...(await locks.heldNames())].some((name) => name.startsWith(fileLock(runFolder(id))));
}

async function removeRun({ files, records }: Backing, id: string): Promise<void> {
  await files.removeTree(runFolder(id));
  await records.deleteValues(
    [runKey(id)],
    [runPartsOf(id), allSeriesOf(id), checkpointsOf(id), checkpointSizesOf(id)],
  );
}

/** Holds a run against everybody else who changes it, in this tab and others. @throws StudioError `run-open-elsewhere` */
export async function withRunLock<T>({ locks }: Backing, id: string, work: () => Promise<T>): Promise<T> {
  const held = await locks.whileHeld(runLock(id), work);
  if (held === null) throw openElsewhere(id);
  return held.value;
}

/** Bytes of a run's files; its records, a few hundred bytes per training step, are not counted. */
export function runSizeBytes({ files }: Backing, id: string): Promise<number> {
  return files.sizeOf(runFolder(id));
}

/** Folder of a run's files. */
export function runFolder(id: string): string {
  return `runs/${checkId(id)}`;
}

/** Writes a whole record and its copy. */
export async function storeRecord(backing: Backing, record: RunRecord): Promise<void> {
  const { spec, heldOut, selections, evaluations, warnings, ...head } = record;
  const parts: RunParts = { spec, heldOut, selections, evaluations, warnings };
  await backing.records.writeValues([[runKey(record.id), head], ...partEntries(record.id, parts)]);
  await writeMirror(backing.files, record);
}

function parseHead(id: string, value: unknown): RunHead {
  if (value === undefined) throw missingRun(id);
  const version = v.safeParse(v.object({ version: v.number() }), value);
  if (version.success && version.output.version > 2)
    throw unreadable(id, `version ${version.output.version}`);
  const result = v.safeParse(headSchema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw unreadable(id, `${v.getDotPath(issue) ?? 'record'}: ${issue.message}`);
}

function partEntries(id: string, parts: Readonly<Record<string, unknown>>): StoreEntry[] {
  return Object.entries(parts).map(([name, value]) => [runPartKey(id, name), value]);
}

function recordRestored(where: string): ErrorReport {
  return {
    code: 'run-record-restored',
    message: 'The record of this run was damaged or gone and was taken from its copy.',
    remedy:
      'Nothing to do: what is missing is computed again when the run continues. If it happens again, check the disk.',
    where,
  };
}
