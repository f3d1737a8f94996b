/**
 * Histories of a run that only grow: training and validation records, scores, candidates that were stopped early.
 *
 * They are kept in chunks of `CHUNK` entries. Adding an entry rewrites the last chunk only, so a save per training step
 * costs the same after ten thousand steps as after ten.
 */
import * as v from 'valibot';
import type { ErrorReport } from '../lib/errors.ts';
import type { Records, StoreEntry } from './backing.ts';
import { type StoreKey, seriesKey, seriesOf } from './keys.ts';
import { unreadable } from './runErrors.ts';
import { type RunSeries, type SeriesName, seriesSchemas } from './runRecord.ts';
import { DAMAGED } from './sealedRecords.ts';

const CHUNK = 128;

/** Adds entries at the end, in one transaction. */
export async function appendSeries<S extends SeriesName>(
  records: Records,
  runId: string,
  name: S,
  entries: readonly RunSeries[S][],
): Promise<void> {
  await records.extendLast(seriesOf(runId, name), (last) => {
    const number = last === undefined ? 0 : Number(last.key.slice(last.key.lastIndexOf(':') + 1));
    // A damaged chunk stays as it is: whoever reads it next tells of it.
    if (last?.value === DAMAGED) return toChunks(runId, name, number + 1, entries);
    return toChunks(runId, name, number, [...[last?.value ?? []].flat(), ...entries]);
  });
}

/**
 * All entries in the order they were added. Chunks that are damaged are removed, with a warning: scores are made again
 * from the pool, training records from checkpoints.
 * @throws StudioError `run-unreadable` for entries that are intact and not understood
 */
export async function loadSeries<S extends SeriesName>(
  records: Records,
  runId: string,
  name: S,
  warn: (reports: readonly ErrorReport[]) => Promise<void>,
): Promise<RunSeries[S][]> {
  const chunks = await records.valuesWithPrefix(seriesOf(runId, name));
  const damaged = [...chunks].filter(([, value]) => value === DAMAGED).map(([key]) => key as StoreKey);
  if (damaged.length > 0) {
    await warn([historyDamaged(runId, name)]);
    await records.deleteValues(damaged);
  }
  const intact = [...chunks.values()].filter((value) => value !== DAMAGED);
  const result = v.safeParse(v.array(seriesSchemas[name]), intact.flat());
  if (result.success) return result.output as RunSeries[S][];
  const [issue] = result.issues;
  throw unreadable(runId, `${name}.${v.getDotPath(issue) ?? ''}: ${issue.message}`);
}

/** Puts other entries in place of all there are, in one transaction. */
export async function replaceSeries<S extends SeriesName>(
  records: Records,
  runId: string,
  name: S,
  entries: readonly RunSeries[S][],
): Promise<void> {
  await records.rewriteAll(seriesOf(runId, name), () => toChunks(runId, name, 0, entries));
}

function toChunks(runId: string, name: SeriesName, first: number, entries: readonly unknown[]): StoreEntry[] {
  return Array.from({ length: Math.ceil(entries.length / CHUNK) }, (_, i) => [
    seriesKey(runId, name, first + i),
    entries.slice(i * CHUNK, (i + 1) * CHUNK),
  ]);
}

function historyDamaged(where: string, name: SeriesName): ErrorReport {
  const what = {
    scores: 'scores',
    stopped: 'records of candidates that were stopped early',
    train: 'training records',
    validation: 'validation records',
  }[name];
  return {
    code: 'run-history-damaged',
    message: `Some ${what} of this run were damaged and left out.`,
    remedy: 'Nothing to do: they are made again when the run continues. If it happens again, check the disk.',
    where,
  };
}
