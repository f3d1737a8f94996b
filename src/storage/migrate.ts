/**
 * Runs of version 1 kept two training states in the database, in slots `last` and `best` that were overwritten. They
 * become files, as runs have today; training goes on from them to the same bits.
 */
import * as v from 'valibot';
import type { Backing } from './backing.ts';
import { saveCheckpoint } from './checkpoints.ts';
import { checkpointKey, checkpointSizesOf, checkpointsOf } from './keys.ts';
import type { RunRecord } from './runRecord.ts';
import { addWarnings, storeRecord } from './runs.ts';
import { loadSeries } from './series.ts';

const placed = { round: v.number(), step: v.number(), adapter: v.looseObject({}) };
const lastSchema = v.looseObject({ ...placed, set: v.string() });
const bestSchema = v.looseObject({ ...placed, validation: v.unknown() });

/** Can be cut off anywhere and done again: the record says version 2 once all is in place. */
export async function migrateRun(backing: Backing, record: RunRecord): Promise<RunRecord> {
  const { id } = record;
  const { records, files } = backing;
  const last = v.safeParse(lastSchema, await records.readValue(checkpointKey(id, 'last')));
  const best = v.safeParse(bestSchema, await records.readValue(checkpointKey(id, 'best')));
  const b = best.success ? best.output : null;
  const l = last.success ? last.output : null;
  const isSame = l !== null && b !== null && l.round === b.round && l.step === b.step;
  if (b !== null && !isSame) {
    const { round, step, adapter, validation } = b;
    await saveCheckpoint(
      files,
      id,
      { version: 0, round, step, best: step, resumable: false },
      { checkpoint: { round, step, adapter }, validation, history: { train: [], validation: [] } },
    );
  }
  if (l !== null) {
    const { round, step } = l;
    const upTo = (r: { readonly round: number; readonly step: number }): boolean =>
      r.round === round && r.step <= step;
    const warn = (reports: Parameters<typeof addWarnings>[2]) => addWarnings(backing, id, reports);
    const history = {
      train: (await loadSeries(records, id, 'train', warn)).filter(upTo),
      validation: (await loadSeries(records, id, 'validation', warn)).filter(upTo),
    };
    await saveCheckpoint(
      files,
      id,
      { version: 0, round, step, best: b?.round === round ? b.step : null, resumable: true },
      { checkpoint: l, validation: isSame ? b?.validation : null, history },
    );
  }
  const migrated: RunRecord = { ...record, version: 2 };
  await storeRecord(backing, migrated);
  await records.deleteValues([], [checkpointsOf(id), checkpointSizesOf(id)]);
  return migrated;
}
