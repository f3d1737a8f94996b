/** What the storage page lists, as plain data. */
import type { License, ModelSource } from './modelSource.ts';

/**
 * `survey`: one that this browser is answering, with its images. `leftover`: files that nothing refers to, such as those of an import that was cut
 * off.
 */
export type StoredKind = 'model' | 'adapter' | 'images' | 'survey' | 'leftover';

export type StoredItem = {
  readonly kind: StoredKind;
  readonly id: string;
  readonly name: string;
  /** Bytes it has when complete; for leftovers what is there. */
  readonly sizeBytes: number;
  /** Bytes that are there. */
  readonly storedBytes: number;
  /** False while it is being fetched or copied, and after that was interrupted. */
  readonly complete: boolean;
  /** Where it came from, in words; null where it was dropped or chosen. */
  readonly origin: string | null;
  /** To go on with the download (`downloadModel`); null for everything that was not downloaded. */
  readonly source: ModelSource | null;
  readonly license: License | null;
  /** What a single-file checkpoint predicts, and whether that is a guess that its user should look at; else null. */
  readonly prediction: { readonly value: 'epsilon' | 'v_prediction'; readonly guessed: boolean } | null;
  /** When it was begun, in milliseconds since 1970; null for leftovers. */
  readonly storedAt: number | null;
  /** Runs whose settings name it: without it they cannot go on. */
  readonly usedBy: readonly { readonly id: string; readonly name: string }[];
  /** True while a run or a download, here or in another tab, works with it: then it cannot be deleted. */
  readonly inUse: boolean;
};

export type StoredList = {
  /** Newest first. */
  readonly models: readonly StoredItem[];
  readonly adapters: readonly StoredItem[];
  readonly images: readonly StoredItem[];
  /** Begun and neither sent nor given up. */
  readonly surveys: readonly StoredItem[];
  readonly leftovers: readonly StoredItem[];
};

/** One file of a stored item after looking at it again. */
export type FileCheck = {
  readonly path: string;
  readonly sizeBytes: number;
  /** What was compared: the SHA-256 that the source gave, the structure of a safetensors file, or the size alone. */
  readonly compared: 'hash' | 'structure' | 'size';
  /** What is wrong, as a sentence; null if nothing is. */
  readonly problem: string | null;
};

export type Verification = { readonly ok: boolean; readonly files: readonly FileCheck[] };

/** How much the browser lets this page store, and whether it may throw it away. */
export type StorageReport = {
  /** Bytes that runs, models and images take; null where the browser does not tell. */
  readonly usedBytes: number | null;
  /** Most bytes that the browser grants this page, an estimate. */
  readonly quotaBytes: number | null;
  readonly freeBytes: number | null;
  /** True when the browser promised not to evict the data under pressure; null where it does not tell. */
  readonly persisted: boolean | null;
};
