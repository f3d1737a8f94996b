/**
 * Small records in IndexedDB (database `mi-tune`), by key, under checksums. Values are plain data with typed arrays.
 *
 * Every function is one transaction: all of it is stored or nothing, also when the browser dies in the middle, and it
 * answers once the disk has it: by default browsers answer earlier, and a power cut takes what they had answered.
 */
import { promisifyRequest } from 'idb-keyval';
import type { StudioError } from '../lib/errors.ts';
import type { Records, StoreEntry } from './backing.ts';
import { guardStorage, storageCleared, storageUnavailable } from './failure.ts';
import { type StorePrefix, settingKey } from './keys.ts';
import { sealedRecords } from './sealedRecords.ts';

const DATABASE = 'mi-tune';
const STORE = 'records';

const indexedDb: Records = {
  readValue: (key) => transact('readonly', key, (store) => promisifyRequest<unknown>(store.get(key))),
  valuesWithPrefix: (prefix) =>
    transact('readonly', prefix, async (store) => {
      const range = startingWith(prefix);
      const [keys, values] = await Promise.all([
        promisifyRequest(store.getAllKeys(range)),
        promisifyRequest<unknown[]>(store.getAll(range)),
      ]);
      return new Map(keys.map((key, i) => [String(key), values[i]]));
    }),
  writeValues: (entries) =>
    transact('readwrite', entries[0]?.[0] ?? 'nothing', (store) => putAll(store, entries)),
  updateValue: (key, update, also = []) =>
    transact('readwrite', key, async (store) => {
      const old = await promisifyRequest<unknown>(store.get(key));
      putAll(store, [[key, update(old)], ...also]);
    }),
  extendLast: (prefix, extend) =>
    transact('readwrite', prefix, async (store) => {
      const cursor = await promisifyRequest(store.openCursor(startingWith(prefix), 'prev'));
      putAll(store, extend(cursor === null ? undefined : { key: String(cursor.key), value: cursor.value }));
    }),
  rewriteAll: (prefix, change) =>
    transact('readwrite', prefix, async (store) => {
      const entries = change(await promisifyRequest<unknown[]>(store.getAll(startingWith(prefix))));
      store.delete(startingWith(prefix));
      putAll(store, entries);
    }),
  deleteValues: (keys, prefixes = []) =>
    transact('readwrite', keys[0] ?? prefixes[0] ?? 'nothing', (store) => {
      for (const key of keys) store.delete(key);
      for (const prefix of prefixes) store.delete(startingWith(prefix));
    }),
};

export const { readValue, valuesWithPrefix, writeValues, updateValue, extendLast, rewriteAll, deleteValues } =
  sealedRecords(indexedDb);

/** A small setting of this browser; undefined if it was never written. */
export async function readSetting(name: string): Promise<unknown> {
  return readValue(settingKey(name));
}

export async function writeSetting(name: string, value: unknown): Promise<void> {
  await writeValues([[settingKey(name), value]]);
}

/** A setting that is made once: of several that ask at the same time all get the value of the first. */
export async function settleSetting(name: string, value: unknown): Promise<unknown> {
  const before = await readSetting(name);
  if (before !== undefined) return before;
  let settled: unknown;
  await updateValue(settingKey(name), (old) => {
    settled = old ?? value;
    return settled;
  });
  return settled;
}

/** The open database; null before the first use and after the browser closed it. */
let opened: Promise<IDBDatabase> | null = null;
/** Ends the transactions that are under way when the browser closes the database, as it does when a user clears it. */
const underway = new Set<(reason: StudioError) => void>();

function database(): Promise<IDBDatabase> {
  if (typeof indexedDB === 'undefined') throw storageUnavailable('no IndexedDB');
  opened ??= openDatabase().catch((cause: unknown) => {
    opened = null;
    throw cause;
  });
  return opened;
}

async function openDatabase(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  const connection = await promisifyRequest(request);
  const lose = (): void => {
    opened = null;
    for (const end of underway) end(storageCleared());
  };
  connection.onclose = lose;
  // Another tab deletes the database and waits for this one to let go.
  connection.onversionchange = () => {
    connection.close();
    lose();
  };
  return connection;
}

/** One transaction, undone if `work` throws. It may only wait for requests of the store. */
function transact<T>(
  mode: IDBTransactionMode,
  where: string,
  work: (store: IDBObjectStore) => T | Promise<T>,
): Promise<T> {
  return guardStorage(where, async () => {
    const connection = await database();
    const transaction = connection.transaction(STORE, mode, { durability: 'strict' });
    let end: (reason: StudioError) => void = () => undefined;
    const completed = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error);
      // Of a database that is closed under them, neither the transaction nor its requests may ever tell.
      end = reject;
    });
    const ended = completed.then(() => new Promise<never>(() => undefined));
    underway.add(end);
    try {
      const result = await Promise.race([work(transaction.objectStore(STORE)), ended]);
      await completed;
      return result;
    } catch (cause) {
      undo(transaction);
      const reason = await completed.then(
        () => null,
        (why: unknown) => why,
      );
      // The browser's own reason, such as a full disk, says more than the request that failed by it.
      throw transaction.error ?? reason ?? cause;
    } finally {
      underway.delete(end);
    }
  });
}

function undo(transaction: IDBTransaction): void {
  try {
    transaction.abort();
  } catch {
    // Already over.
  }
}

function putAll(store: IDBObjectStore, entries: readonly StoreEntry[]): void {
  for (const [key, value] of entries) store.put(value, key);
}

function startingWith(prefix: StorePrefix): IDBKeyRange {
  return IDBKeyRange.bound(prefix, `${prefix}\uffff`);
}
