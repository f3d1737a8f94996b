/** Training state of a run: a slot `last` to continue from and a slot `best` to export. */
import type { Records, StoreEntry } from './backing.ts';
import { type CheckpointSlot, checkpointKey, checkpointSizeKey, checkpointSizesOf } from './keys.ts';

/**
 * Replaces one or both slots in one transaction: a crash leaves the old checkpoints or the new ones.
 * @param slots plain data with typed arrays
 */
export async function saveCheckpoints(
  records: Records,
  runId: string,
  slots: Readonly<Partial<Record<CheckpointSlot, object>>>,
): Promise<void> {
  const entries = (Object.entries(slots) as [CheckpointSlot, object][]).flatMap(
    ([slot, value]): StoreEntry[] => {
      const compact = compactArrays(value);
      return [
        [checkpointKey(runId, slot), compact],
        [checkpointSizeKey(runId, slot), arrayBytes(compact)],
      ];
    },
  );
  await records.writeValues(entries);
}

/** What was saved, to be validated by the reader; undefined if there is none. */
export async function loadCheckpoint(
  records: Records,
  runId: string,
  slot: CheckpointSlot,
): Promise<unknown> {
  return records.readValue(checkpointKey(runId, slot));
}

/** Bytes of the typed arrays in a run's checkpoints, without reading these. */
export async function checkpointBytes(records: Records, runId: string): Promise<number> {
  const sizes = await records.valuesWithPrefix(checkpointSizesOf(runId));
  return [...sizes.values()].reduce<number>((sum, size) => sum + (typeof size === 'number' ? size : 0), 0);
}

/** Storing a view stores its whole buffer, which may be the heap of a WebAssembly module: such views are copied. */
function compactArrays(value: unknown): unknown {
  if (value instanceof Float32Array || value instanceof Uint8Array || value instanceof Int32Array) {
    return value.byteLength === value.buffer.byteLength ? value : value.slice();
  }
  if (Array.isArray(value)) return value.map(compactArrays);
  if (isPlainObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, compactArrays(item)]));
  }
  return value;
}

function arrayBytes(value: unknown): number {
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + arrayBytes(item), 0);
  if (isPlainObject(value)) return arrayBytes(Object.values(value));
  return 0;
}

function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
