// Storage in memory that keeps apart what was written and what is safe, and can lose power in between.

import type {
  Backing,
  Files,
  Locks,
  Records,
  StoredFile,
  StoreEntry,
  SyncFile,
} from '../../src/storage/backing.ts';
import { guardStorage, storageFull } from '../../src/storage/failure.ts';
import type { StoreKey } from '../../src/storage/keys.ts';
import { fileLock } from '../../src/storage/locks.ts';
import { sealedRecords } from '../../src/storage/sealedRecords.ts';
import { applied, type MemoryFile, survivors, type Write } from './tornWrites.ts';

/** What a disk lost, at random but repeatable. */
export type Loss = {
  /** A number from 0 to 1. */
  readonly random: () => number;
  /** Transactions that were acknowledged and are lost all the same; `all` empties the database. */
  readonly records: number | 'all';
  /** Acknowledged changes of files (flushes, removals) that are lost all the same. */
  readonly files: number;
};

/** The power is gone: whoever works with the disk ends here. */
export class PowerCut extends Error {}

/** Changes that were acknowledged and can still be undone. */
const KEPT_UNDOS = 64;

export class MemoryDisk {
  #files = new Map<string, MemoryFile>();
  #records = new Map<string, unknown>();
  #recordUndos: Map<string, unknown>[] = [];
  #fileUndos: (() => void)[] = [];
  #locks = new Set<string>();
  /** Operations until the power goes. */
  #left = Number.POSITIVE_INFINITY;
  /** Writes until there is no more room. */
  #room = Number.POSITIVE_INFINITY;
  #backing = this.#ports();
  /** Operations so far. */
  operations = 0;
  /** Writes so far, of records and files. */
  writes = 0;

  /** Lets the power go after so many further operations. */
  cutAfter(operations: number): void {
    this.#left = operations;
  }

  /** Has no room after so many further writes; all is as it was again with `Infinity`. */
  fullAfter(writes: number): void {
    this.#room = writes;
  }

  /** What is there after the power has come back. */
  restart(loss: Loss): void {
    for (let i = 0; i < loss.files; i++) this.#fileUndos.pop()?.();
    for (const [path, file] of this.#files) {
      const found = survivors(file, loss.random);
      if (found === null) this.#files.delete(path);
      else this.#files.set(path, { current: found, safe: found, pending: [], held: false });
    }
    if (loss.records === 'all') this.#records.clear();
    else {
      for (let i = 0; i < loss.records; i++) this.#records = this.#recordUndos.pop() ?? this.#records;
    }
    this.#recordUndos = [];
    this.#fileUndos = [];
    this.#locks.clear();
    this.#left = Number.POSITIVE_INFINITY;
    this.#backing = this.#ports();
  }

  /** Changes the bytes of a file, or makes one, behind everybody's back. */
  damage(path: string, change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>): void {
    const bytes = change(this.#files.get(path)?.current.slice() ?? new Uint8Array(0));
    this.#files.set(path, { current: bytes, safe: bytes, pending: [], held: false });
  }

  /** Changes a record behind everybody's back. */
  damageRecord(key: StoreKey, change: (value: unknown) => unknown): void {
    this.#records.set(key, change(structuredClone(this.#records.get(key))));
  }

  paths(): string[] {
    return [...this.#files.keys()].sort();
  }

  keys(): string[] {
    return [...this.#records.keys()].sort();
  }

  /** The same until the power goes: pools that are open are shared by their files. */
  get backing(): Backing {
    return this.#backing;
  }

  #ports(): Backing {
    return {
      records: sealedRecords(this.#recordsPort()),
      files: this.#filesPort(),
      locks: this.#locksPort(),
    };
  }

  #step(): void {
    this.operations++;
    if (this.#left-- <= 0) throw new PowerCut('the power is gone');
  }

  /** True if there is room for one more write. */
  #takeRoom(): boolean {
    this.writes++;
    return this.#room-- > 0;
  }

  async #needRoom(where: string): Promise<void> {
    if (!this.#takeRoom()) throw await storageFull(where);
  }

  #recordsPort(): Records {
    const step = async () => this.#step();
    const under = (prefix: string): string[] => this.keys().filter((key) => key.startsWith(prefix));
    const commit = (change: (records: Map<string, unknown>) => void): void => {
      const next = new Map(this.#records);
      change(next);
      this.#step();
      this.#recordUndos.push(this.#records);
      if (this.#recordUndos.length > KEPT_UNDOS) this.#recordUndos.shift();
      this.#records = next;
    };
    const put = (records: Map<string, unknown>, entries: readonly StoreEntry[]): void => {
      for (const [key, value] of entries) records.set(key, structuredClone(value));
    };
    return {
      readValue: async (key) => {
        await step();
        return structuredClone(this.#records.get(key));
      },
      valuesWithPrefix: async (prefix) => {
        await step();
        return new Map(under(prefix).map((key) => [key, structuredClone(this.#records.get(key))]));
      },
      writeValues: async (entries) => {
        await this.#needRoom(entries[0]?.[0] ?? 'nothing');
        commit((records) => put(records, entries));
      },
      updateValue: async (key, update, also = []) => {
        await this.#needRoom(key);
        commit((records) => put(records, [[key, update(structuredClone(records.get(key)))], ...also]));
      },
      extendLast: async (prefix, extend) => {
        await this.#needRoom(prefix);
        commit((records) => {
          const key = under(prefix).at(-1);
          const last = key === undefined ? undefined : { key, value: structuredClone(records.get(key)) };
          put(records, extend(last));
        });
      },
      rewriteAll: async (prefix, change) => {
        await this.#needRoom(prefix);
        commit((records) => {
          const keys = under(prefix);
          const entries = change(keys.map((key) => structuredClone(records.get(key))));
          for (const key of keys) records.delete(key);
          put(records, entries);
        });
      },
      deleteValues: async (keys, prefixes = []) =>
        commit((records) => {
          for (const key of [...keys, ...prefixes.flatMap(under)]) records.delete(key);
        }),
    };
  }

  #filesPort(): Files {
    const find = async (path: string): Promise<MemoryFile | undefined> => {
      this.#step();
      return this.#files.get(path);
    };
    const below = (path: string): StoredFile[] =>
      this.paths()
        .filter((name) => name.startsWith(`${path}/`))
        .map((name) => ({
          path: name.slice(path.length + 1),
          sizeBytes: this.#files.get(name)?.current.byteLength ?? 0,
        }));
    return {
      holdFile: async (path) => {
        const found = await find(path);
        if (found?.held) throw new DOMException('held', 'NoModificationAllowedError');
        const file = found ?? { current: new Uint8Array(0), safe: null, pending: [], held: false };
        file.held = true;
        this.#files.set(path, file);
        return this.#hold(file);
      },
      readBytes: async (path, limit) => (await find(path))?.current.slice(0, limit) ?? null,
      writeBytes: async (path, bytes) => {
        const old = await find(path);
        const safe = new Uint8Array(bytes);
        await this.#needRoom(path);
        this.#step();
        this.#undoable(() => {
          if (old === undefined) this.#files.delete(path);
          else this.#files.set(path, old);
        });
        this.#files.set(path, { current: safe, safe, pending: [], held: false });
      },
      removeTree: (path) =>
        guardStorage(path, async () => {
          this.#step();
          for (const [name, file] of [...this.#files]) {
            if (name !== path && !name.startsWith(`${path}/`)) continue;
            if (file.held) throw new DOMException('held', 'NoModificationAllowedError');
            this.#files.delete(name);
            this.#undoable(() => this.#files.set(name, file));
          }
        }),
      listFiles: async (path) => below(path),
      listFolders: async (path) => [
        ...new Set(
          below(path).flatMap(({ path: name }) => (name.includes('/') ? [name.split('/')[0] ?? ''] : [])),
        ),
      ],
      sizeOf: async (path) =>
        this.#files.get(path)?.current.byteLength ??
        below(path).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    };
  }

  #undoable(undo: () => void): void {
    this.#fileUndos.push(undo);
    if (this.#fileUndos.length > KEPT_UNDOS) this.#fileUndos.shift();
  }

  #hold(file: MemoryFile): SyncFile {
    const viewOf = (buffer: AllowSharedBufferSource): Uint8Array =>
      ArrayBuffer.isView(buffer)
        ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
        : new Uint8Array(buffer);
    const change = (write: Write): void => {
      file.current = applied(file.current, write);
      file.pending.push(write);
      // After the bytes are on their way: how much of them arrives is for the restart to decide.
      this.#step();
    };
    return {
      getSize: () => file.current.byteLength,
      read: (buffer, options) => {
        this.#step();
        const view = viewOf(buffer);
        const piece = file.current.subarray(options?.at ?? 0, (options?.at ?? 0) + view.byteLength);
        view.set(piece);
        return piece.byteLength;
      },
      write: (buffer, options) => {
        const bytes = viewOf(buffer).slice();
        // A disk takes what it has room for, and then nothing.
        const taken = this.#takeRoom() ? bytes : bytes.slice(0, bytes.byteLength >> 1);
        if (taken.byteLength > 0) change({ at: options?.at ?? 0, bytes: taken });
        return taken.byteLength;
      },
      truncate: (size) => change({ size }),
      flush: () => {
        this.#step();
        const { safe, pending } = file;
        if (pending.length === 0 && safe !== null) return;
        this.#undoable(() => {
          file.safe = safe;
          file.pending = [...pending, ...file.pending];
        });
        file.safe = file.current.slice();
        file.pending = [];
      },
      close: () => {
        file.held = false;
      },
    };
  }

  #locksPort(): Locks {
    return {
      whileHeld: async (name, work) => {
        if (this.#locks.has(name)) return null;
        this.#locks.add(name);
        try {
          return { value: await work() };
        } finally {
          this.#locks.delete(name);
        }
      },
      heldNames: async () => {
        const held = this.paths().filter((path) => this.#files.get(path)?.held);
        return new Set([...this.#locks, ...held.map(fileLock)]);
      },
    };
  }
}
