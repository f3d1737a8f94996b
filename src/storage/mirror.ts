/**
 * A second copy of a run's record, as a checked file beside its pool: browsers empty a database that they find damaged.
 * It follows every change but progress, and is read where the record is gone.
 */
import * as v from 'valibot';
import { decodeSealed, encodeSealed } from '../formats/sealed.ts';
import type { Files } from './backing.ts';
import { checkId } from './paths.ts';
import { headSchema, partSchemas, type RunRecord } from './runRecord.ts';

export async function writeMirror(files: Files, record: RunRecord): Promise<void> {
  await files.writeBytes(pathOf(record.id), encodeSealed(record));
}

/** Null if there is none, or it is damaged or of another version. */
export async function readMirror(files: Files, id: string): Promise<RunRecord | null> {
  const bytes = await files.readBytes(pathOf(id));
  const stored = bytes === null ? undefined : decodeSealed(bytes);
  if (typeof stored !== 'object' || stored === null) return null;
  const head = v.safeParse(headSchema, stored);
  const parts = v.safeParse(v.object(partSchemas), stored);
  return head.success && parts.success && head.output.id === id ? { ...head.output, ...parts.output } : null;
}

function pathOf(id: string): string {
  return `runs/${checkId(id)}/record.bin`;
}
