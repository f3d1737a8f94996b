/**
 * The two places that runs are kept in, as ports: small records with transactions, and files for everything large. The
 * browser has IndexedDB and the origin private file system (`browser.ts`); tests have memory that loses power.
 */
import type { StoreKey, StorePrefix } from './keys.ts';

export type StoreEntry = readonly [key: StoreKey, value: unknown];

/**
 * Values by key; every function is one transaction, stored whole or not at all. Writes answer once the disk has them. What
 * is read is `unknown`: whoever reads validates, since it may come from an older version of this program.
 */
export type Records = {
  /** Undefined if there is none. */
  readValue(key: StoreKey): Promise<unknown>;
  /** Values whose keys start with the prefix, in the order of the keys. */
  valuesWithPrefix(prefix: StorePrefix): Promise<Map<string, unknown>>;
  writeValues(entries: readonly StoreEntry[]): Promise<void>;
  /**
   * Replaces a value by what `update` makes of it, and stores further entries with it. Nothing is stored if `update`
   * throws; it must not wait for anything.
   */
  updateValue(key: StoreKey, update: (old: unknown) => unknown, also?: readonly StoreEntry[]): Promise<void>;
  /**
   * Replaces the last of the values whose keys start with a prefix, and adds others.
   * @param extend gets the last key and value, or undefined if there are none
   */
  extendLast(
    prefix: StorePrefix,
    extend: (last: { readonly key: string; readonly value: unknown } | undefined) => readonly StoreEntry[],
  ): Promise<void>;
  /** Replaces all values whose keys start with a prefix by what `change` makes of them. */
  rewriteAll(
    prefix: StorePrefix,
    change: (values: readonly unknown[]) => readonly StoreEntry[],
  ): Promise<void>;
  deleteValues(keys: readonly StoreKey[], prefixes?: readonly StorePrefix[]): Promise<void>;
};

/** A file that is held for writing: the `FileSystemSyncAccessHandle` of workers. What is not flushed may be lost. */
export type SyncFile = {
  getSize(): number;
  read(buffer: AllowSharedBufferSource, options?: { at?: number }): number;
  write(buffer: AllowSharedBufferSource, options?: { at?: number }): number;
  truncate(newSize: number): void;
  flush(): void;
  close(): void;
};

export type StoredFile = {
  /** Relative to the listed folder. */
  readonly path: string;
  readonly sizeBytes: number;
};

export type Files = {
  /** Holds the file, made if missing, until it is closed. @throws DOMException `NoModificationAllowedError` if held */
  holdFile(path: string): Promise<SyncFile>;
  /** The first bytes of a file, all of them by default; null if there is none. Held files can be read too. */
  readBytes(path: string, limit?: number): Promise<Uint8Array<ArrayBuffer> | null>;
  /** Writes a whole file and waits for the disk: the path has the new bytes, or on failure still the old ones. */
  writeBytes(path: string, bytes: Uint8Array): Promise<void>;
  /** Removes a file or a folder with everything in it; one that is missing is fine. */
  removeTree(path: string): Promise<void>;
  /** Files below a folder, sorted by path; none if the folder is missing. */
  listFiles(path: string): Promise<StoredFile[]>;
  /** Names of the folders directly in a folder. */
  listFolders(path: string): Promise<string[]>;
  /** Bytes of a file, or of a folder with everything in it; 0 if missing. */
  sizeOf(path: string): Promise<number>;
};

/** Names that only one holder has at a time, over all tabs. */
export type Locks = {
  /** Runs work while it holds the name; null at once, without work, if another holds it. */
  whileHeld<T>(name: string, work: () => Promise<T>): Promise<{ readonly value: T } | null>;
  /** Names that somebody holds who is not about to end. */
  heldNames(): Promise<ReadonlySet<string>>;
};

export type Backing = { readonly records: Records; readonly files: Files; readonly locks: Locks };
