/** What is stored in this browser beside runs: the list, how much room there is, and checks of single items. */

import * as v from 'valibot';
import { create } from 'zustand';
import type { StorageReport, StoredItem, StoredList, Verification } from '../../contract/stored.ts';
import type { RequestProgress } from '../../engine/client.ts';
import { type ErrorReport, reportError } from '../../lib/errors.ts';
import { requestPersistence } from '../../storage/quota.ts';
import { engineClient } from '../page/engineClient.ts';
import { attempt, confirmDone } from '../page/notices.ts';
import { patchDraft, useSettings } from '../setup/settings.ts';
import type { TextStore } from '../setup/speed.ts';

/** When stored items were last found whole, remembered in this browser. */
const VERIFIED_KEY = 'mi-tune-verified';
/** Milliseconds since 1970 by item. */
const verifiedSchema = v.record(v.string(), v.pipe(v.number(), v.finite()));
type Verified = Readonly<Record<string, number>>;

export type StoredCheck =
  | { readonly status: 'running'; readonly progress: RequestProgress | null }
  | { readonly status: 'done'; readonly verification: Verification }
  | { readonly status: 'failed'; readonly failure: ErrorReport };

type StoredState = {
  /** Null until it has been read. */
  readonly list: StoredList | null;
  readonly storage: StorageReport | null;
  /** Checks of this session, by `itemKey`. */
  readonly checks: ReadonlyMap<string, StoredCheck>;
  /** When items were found whole, by `itemKey`; remembered in this browser. */
  readonly verified: Verified;
};

export const useStored = create<StoredState>()(() => ({
  list: null,
  storage: null,
  checks: new Map(),
  verified: readVerified(localStorageOrNull()),
}));

const { setState: set, getState: get } = useStored;
const running = new Map<string, AbortController>();

/** Names a stored item across its kinds. */
export function itemKey({ kind, id }: Pick<StoredItem, 'kind' | 'id'>): string {
  return `${kind} ${id}`;
}

export async function refreshStored(): Promise<void> {
  const found = await attempt(() =>
    Promise.all([engineClient().call('stored', {}), engineClient().call('storage', {})]),
  );
  if (found !== null) set({ list: found[0], storage: found[1] });
}

/** Asks the browser to keep what is stored; answers whether it does. */
export async function keepStorage(): Promise<boolean> {
  const persisted = await requestPersistence();
  const { storage } = get();
  if (storage !== null) set({ storage: { ...storage, persisted } });
  return persisted;
}

/** Reads an item again; the outcome is in the store. */
export async function verifyItem(item: StoredItem): Promise<void> {
  const key = itemKey(item);
  if (running.has(key)) return;
  const controller = new AbortController();
  running.set(key, controller);
  const show = (check: StoredCheck) => set({ checks: new Map(get().checks).set(key, check) });
  show({ status: 'running', progress: null });
  try {
    const verification = await engineClient().call(
      'verifyStored',
      { kind: item.kind, id: item.id },
      { signal: controller.signal, onProgress: (progress) => show({ status: 'running', progress }) },
    );
    show({ status: 'done', verification });
    remember(key, verification.ok ? Date.now() : null);
    if (!verification.ok) await refreshStored();
  } catch (error) {
    if (controller.signal.aborted) forgetCheck(key);
    else show({ status: 'failed', failure: reportError(error) });
  } finally {
    running.delete(key);
  }
}

export function stopVerifying(item: StoredItem): void {
  running.get(itemKey(item))?.abort();
}

/** Removes an item for good. A setting that names it goes back to nothing. */
export async function deleteItem(item: StoredItem): Promise<void> {
  const { kind, id, name } = item;
  const answer = await attempt(() => engineClient().call('deleteStored', { kind, id }));
  if (answer !== null) {
    forgetCheck(itemKey(item));
    remember(itemKey(item), null);
    const { realImages } = useSettings.getState();
    if (kind === 'images' && realImages?.folder === id) patchDraft({ realImages: null });
    confirmDone(`${name} deleted.`);
  }
  await refreshStored();
}

function forgetCheck(key: string): void {
  const checks = new Map(get().checks);
  checks.delete(key);
  set({ checks });
}

function remember(key: string, atMs: number | null): void {
  const { [key]: _, ...others } = get().verified;
  const verified = atMs === null ? others : { ...others, [key]: atMs };
  set({ verified });
  writeVerified(localStorageOrNull(), verified);
}

function localStorageOrNull(): Storage | null {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    // Switched off by the user.
    return null;
  }
}

function readVerified(store: TextStore | null): Verified {
  try {
    const result = v.safeParse(verifiedSchema, JSON.parse(store?.getItem(VERIFIED_KEY) ?? '{}'));
    return result.success ? result.output : {};
  } catch {
    return {};
  }
}

function writeVerified(store: TextStore | null, verified: Verified): void {
  try {
    store?.setItem(VERIFIED_KEY, JSON.stringify(verified));
  } catch {
    // Then it is only known until the page is closed.
  }
}
