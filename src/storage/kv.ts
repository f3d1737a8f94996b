/**
 * Small records and checkpoints in IndexedDB (database `mi-tune`), by key. Values are plain data with typed arrays.
 *
 * Every function is one transaction: all of it is stored or nothing, also when the browser dies in the middle. What is
 * read is `unknown`: whoever reads validates, since it may come from an older version of this program.
 */
import { createStore, promisifyRequest } from 'idb-keyval';
import type { StoreEntry } from './backing.ts';
import { guardStorage, storageUnavailable } from './failure.ts';
import { type StoreKey, type StorePrefix, settingKey } from './keys.ts';

const withStore = createStore('mi-tune', 'records');

/** @returns undefined if there is none */
export function readValue(key: StoreKey): Promise<unknown> {
  return transact('readonly', key, (store) => promisifyRequest<unknown>(store.get(key)));
}

/** Values whose keys start with the prefix, in the order of the keys. */
export function valuesWithPrefix(prefix: StorePrefix): Promise<Map<string, unknown>> {
  return transact('readonly', prefix, async (store) => {
    const range = startingWith(prefix);
    const [keys, values] = await Promise.all([
      promisifyRequest(store.getAllKeys(range)),
      promisifyRequest<unknown[]>(store.getAll(range)),
    ]);
    return new Map(keys.map((key, i) => [String(key), values[i]]));
  });
}

export function writeValues(entries: readonly StoreEntry[]): Promise<void> {
  return transact('readwrite', entries[0]?.[0] ?? 'nothing', (store) => putAll(store, entries));
}

/**
 * Replaces a value by what `update` makes of it, and stores further entries with it.
 * Nothing is stored if `update` throws; it must not wait for anything.
 */
export function updateValue(
  key: StoreKey,
  update: (old: unknown) => unknown,
  also: readonly StoreEntry[] = [],
): Promise<void> {
  return transact('readwrite', key, async (store) => {
    const old = await promisifyRequest<unknown>(store.get(key));
    putAll(store, [[key, update(old)], ...also]);
  });
}

/**
 * Replaces the last of the values whose keys start with a prefix, and adds others.
 * @param extend gets the last key and value, or undefined if there are none
 */
export function extendLast(
  prefix: StorePrefix,
  extend: (last: { readonly key: string; readonly value: unknown } | undefined) => readonly StoreEntry[],
): Promise<void> {
  return transact('readwrite', prefix, async (store) => {
    const cursor = await promisifyRequest(store.openCursor(startingWith(prefix), 'prev'));
    putAll(store, extend(cursor === null ? undefined : { key: String(cursor.key), value: cursor.value }));
  });
}

/** Replaces all values whose keys start with a prefix by what `change` makes of them. */
export function rewriteAll(
  prefix: StorePrefix,
  change: (values: readonly unknown[]) => readonly StoreEntry[],
): Promise<void> {
  return transact('readwrite', prefix, async (store) => {
    const entries = change(await promisifyRequest<unknown[]>(store.getAll(startingWith(prefix))));
    store.delete(startingWith(prefix));
    putAll(store, entries);
  });
}

export function deleteValues(
  keys: readonly StoreKey[],
  prefixes: readonly StorePrefix[] = [],
): Promise<void> {
  return transact('readwrite', keys[0] ?? prefixes[0] ?? 'nothing', (store) => {
    for (const key of keys) store.delete(key);
    for (const prefix of prefixes) store.delete(startingWith(prefix));
  });
}

/** A small setting of this browser; undefined if it was never written. */
export async function readSetting(name: string): Promise<unknown> {
  return readValue(settingKey(name));
}

export async function writeSetting(name: string, value: unknown): Promise<void> {
  await writeValues([[settingKey(name), value]]);
}

/** One transaction, undone if `work` throws. It may only wait for requests of the store. */
function transact<T>(
  mode: IDBTransactionMode,
  where: string,
  work: (store: IDBObjectStore) => T | Promise<T>,
): Promise<T> {
  return guardStorage(where, async () => {
    if (typeof indexedDB === 'undefined') throw storageUnavailable('no IndexedDB');
    return withStore(mode, async (store) => {
      const { transaction } = store;
      const completed = new Promise<void>((resolve, reject) => {
        transaction.oncomplete = () => resolve();
        transaction.onabort = () => reject(transaction.error);
      });
      try {
        const result = await work(store);
        await completed;
        return result;
      } catch (cause) {
        undo(transaction);
        await completed.catch(() => undefined);
        // The browser's own reason, such as a full disk, says more than the request that failed by it.
        throw transaction.error ?? cause;
      }
    });
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
