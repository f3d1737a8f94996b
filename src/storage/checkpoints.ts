/**
 * Training states of a run, each a file of its own under a checksum: `checkpoint-<slot>.bin`, a head that says what it
 * is, then the state.
 *
 * No state that is needed is ever overwritten: a new one goes into a slot that is free. Needed are the last three (a
 * damaged one costs the steps since the one before), the best ones that these refer to, and of every version and round
 * the last and the best.
 */
import * as v from 'valibot';
import { decodeSealed, encodeSealed, sealedBytes } from '../formats/sealed.ts';
import { concatBytes } from '../lib/bytes.ts';
import type { Files, SyncFile } from './backing.ts';
import { guardStorage } from './failure.ts';
import { checkId } from './paths.ts';
import { writeAll } from './syncFile.ts';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const headSchema = v.object({
  /** Counts the states of a run in the order they were saved. */
  sequence: count,
  /** Version of the results, and round, that it belongs to. */
  version: count,
  round: count,
  step: count,
  /** Step of the best state of this version and round so far, this one included; null before any. */
  best: v.nullable(count),
  /** False where there is only an adapter to draw with, no moments to train on from. */
  resumable: v.boolean(),
});
const bodySchema = v.object({ sequence: count, state: v.unknown() });
export type CheckpointHead = Readonly<v.InferOutput<typeof headSchema>>;
export type StoredCheckpoint = CheckpointHead & { readonly slot: number };

const LAST_KEPT = 3;
const HEAD_BYTES = 4096;
const NAME = /^checkpoint-(\d+)\.bin$/;

/** What is stored, newest first, as far as the heads tell; a file without a head counts as free. */
export async function listCheckpoints(files: Files, runId: string): Promise<StoredCheckpoint[]> {
  const found: StoredCheckpoint[] = [];
  for (const slot of await slotsOf(files, runId)) {
    const start = await files.readBytes(pathOf(runId, slot), HEAD_BYTES);
    const head = v.safeParse(headSchema, start === null ? undefined : decodeSealed(start));
    if (head.success) found.push({ ...head.output, slot });
  }
  return found.sort((a, b) => b.sequence - a.sequence);
}

/** What was saved, to be validated by the reader; undefined if it is damaged, gone, or not of this head. */
export async function loadCheckpoint(
  files: Files,
  runId: string,
  { slot, sequence }: Pick<StoredCheckpoint, 'slot' | 'sequence'>,
): Promise<unknown> {
  const bytes = await files.readBytes(pathOf(runId, slot));
  const headBytes = bytes === null ? null : sealedBytes(bytes);
  if (bytes === null || headBytes === null) return undefined;
  const body = v.safeParse(bodySchema, decodeSealed(bytes.subarray(headBytes)));
  // A write that was torn between the two leaves a new head before the state that the slot held until then.
  return body.success && body.output.sequence === sequence ? body.output.state : undefined;
}

/** Keeps a state, and waits until the disk has it. @param state plain data with typed arrays */
export async function saveCheckpoint(
  files: Files,
  runId: string,
  head: Omit<CheckpointHead, 'sequence'>,
  state: object,
): Promise<void> {
  const stored = await listCheckpoints(files, runId);
  const sequence = (stored[0]?.sequence ?? 0) + 1;
  const path = pathOf(runId, freeSlot(stored));
  const bytes = concatBytes([encodeSealed({ ...head, sequence }), encodeSealed({ sequence, state })]);
  await guardStorage(path, async () => {
    const file = await files.holdFile(path);
    try {
      writeAll(file, bytes, 0);
      file.truncate(bytes.byteLength);
      file.flush();
    } catch (cause) {
      free(file);
      throw cause;
    } finally {
      file.close();
    }
  });
}

/** Leaves no head that promises a state, if the disk allows; the failure of the write is the one to report. */
function free(file: SyncFile): void {
  try {
    file.truncate(0);
  } catch {
    // A head without its state is passed over when states are read.
  }
}

/** The first slot that holds nothing that is needed. */
function freeSlot(stored: readonly StoredCheckpoint[]): number {
  const taken = new Set(neededOf(stored).map(({ slot }) => slot));
  let slot = 0;
  while (taken.has(slot)) slot++;
  return slot;
}

/** @param stored newest first */
function neededOf(stored: readonly StoredCheckpoint[]): StoredCheckpoint[] {
  const last = stored.slice(0, LAST_KEPT);
  const groups = new Map(stored.toReversed().map((c) => [`${c.version}/${c.round}`, c]));
  const kept = new Set([...last, ...groups.values()]);
  for (const { version, round, best } of [...kept]) {
    const found = stored.find((c) => c.version === version && c.round === round && c.step === best);
    if (found !== undefined) kept.add(found);
  }
  return [...kept];
}

async function slotsOf(files: Files, runId: string): Promise<number[]> {
  const stored = await files.listFiles(`runs/${checkId(runId)}`);
  return stored.flatMap(({ path }) => {
    const match = NAME.exec(path);
    return match === null ? [] : [Number(match[1])];
  });
}

function pathOf(runId: string, slot: number): string {
  return `runs/${checkId(runId)}/checkpoint-${slot}.bin`;
}
