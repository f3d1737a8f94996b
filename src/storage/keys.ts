/** Keys of the records in IndexedDB, one function for each kind. Identifiers contain no colon (`checkId`). */
import { checkId } from './paths.ts';

type CheckpointSlot = 'last' | 'best';

export type StoreKey =
  | `run:${string}`
  | `run-part:${string}:${string}`
  | `run-series:${string}:${string}:${string}`
  | `checkpoint:${string}:${CheckpointSlot}`
  | `adapter:${string}`
  | `adapter-bytes:${string}`
  | `model:${string}`
  | `images:${string}`
  | `survey:${string}:${'shown' | 'chosen'}`
  | `setting:${string}`;

/** What all keys of one kind, or of one run, start with. */
export type StorePrefix = `${string}:`;

export const runKey = (id: string): StoreKey => `run:${checkId(id)}`;
export const runPartKey = (id: string, part: string): StoreKey => `run-part:${checkId(id)}:${part}`;
export const runPartsOf = (id: string): StorePrefix => `run-part:${checkId(id)}:`;
export const checkpointKey = (runId: string, slot: CheckpointSlot): StoreKey =>
  `checkpoint:${checkId(runId)}:${slot}`;
export const checkpointsOf = (runId: string): StorePrefix => `checkpoint:${checkId(runId)}:`;
export const checkpointSizesOf = (runId: string): StorePrefix => `checkpoint-size:${checkId(runId)}:`;
export const adapterKey = (id: string): StoreKey => `adapter:${checkId(id)}`;
export const adapterBytesKey = (id: string): StoreKey => `adapter-bytes:${checkId(id)}`;
export const modelKey = (id: string): StoreKey => `model:${checkId(id)}`;
export const imagesKey = (id: string): StoreKey => `images:${checkId(id)}`;
export const surveyKey = (id: string, part: 'shown' | 'chosen'): StoreKey => `survey:${checkId(id)}:${part}`;
export const SURVEYS: StorePrefix = 'survey:';
export const surveyParts = (id: string): StorePrefix => `survey:${checkId(id)}:`;
export const settingKey = (name: string): StoreKey => `setting:${checkId(name)}`;

/** Chunks are numbered with leading zeros, so that the order of keys is the order of entries. */
export const seriesKey = (runId: string, name: string, chunk: number): StoreKey =>
  `run-series:${checkId(runId)}:${name}:${String(chunk).padStart(8, '0')}`;
export const seriesOf = (runId: string, name: string): StorePrefix => `run-series:${checkId(runId)}:${name}:`;
export const allSeriesOf = (runId: string): StorePrefix => `run-series:${checkId(runId)}:`;

/** The part of a key after its kind. */
export function idOf(key: string): string {
  return key.slice(key.indexOf(':') + 1);
}
