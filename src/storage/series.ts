/**
 * Histories of a run that only grow: training and validation records, scores.
 *
 * They are kept in chunks of `CHUNK` entries. Adding an entry rewrites the last chunk only, so a save per training step
 * costs the same after ten thousand steps as after ten. All chunks but the last are full.
 */
import * as v from 'valibot';
import type { Records, StoreEntry } from './backing.ts';
import { seriesKey, seriesOf } from './keys.ts';
import { unreadable } from './runErrors.ts';
import { type RunSeries, type SeriesName, seriesSchemas } from './runRecord.ts';

const CHUNK = 128;

/** Adds entries at the end, in one transaction. */
export async function appendSeries<S extends SeriesName>(
  records: Records,
  runId: string,
  name: S,
  entries: readonly RunSeries[S][],
): Promise<void> {
  await records.extendLast(seriesOf(runId, name), (last) => {
    const first = last === undefined ? 0 : Number(last.key.slice(last.key.lastIndexOf(':') + 1));
    return toChunks(runId, name, first, [...[last?.value ?? []].flat(), ...entries]);
  });
}

/** All entries in the order they were added. @throws StudioError `run-unreadable` */
export async function loadSeries<S extends SeriesName>(
  records: Records,
  runId: string,
  name: S,
): Promise<RunSeries[S][]> {
  const chunks = await records.valuesWithPrefix(seriesOf(runId, name));
  const result = v.safeParse(v.array(seriesSchemas[name]), [...chunks.values()].flat());
  if (result.success) return result.output as RunSeries[S][];
  const [issue] = result.issues;
  throw unreadable(runId, `${name}.${v.getDotPath(issue) ?? ''}: ${issue.message}`);
}

/** Keeps the first `keep` entries, for a run that continues from before the last ones. */
export async function cutSeries(
  records: Records,
  runId: string,
  name: SeriesName,
  keep: number,
): Promise<void> {
  await records.rewriteAll(seriesOf(runId, name), (chunks) =>
    toChunks(runId, name, 0, chunks.flat().slice(0, keep)),
  );
}

function toChunks(runId: string, name: SeriesName, first: number, entries: readonly unknown[]): StoreEntry[] {
  return Array.from({ length: Math.ceil(entries.length / CHUNK) }, (_, i) => [
    seriesKey(runId, name, first + i),
    entries.slice(i * CHUNK, (i + 1) * CHUNK),
  ]);
}
