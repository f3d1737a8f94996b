/**
 * Models on their way into this browser: what a download would bring, the license, progress, and going on after any
 * interruption. What has arrived is stored by the engine; nothing here needs to survive the page.
 */
import { create } from 'zustand';
import type { DownloadPlan, ModelSource } from '../../contract/modelSource.ts';
import type { RequestProgress } from '../../engine/client.ts';
import { type ErrorReport, reportError } from '../../lib/errors.ts';
import { parseSource, sourceId, sourceName } from '../../sources/address.ts';
import { engineClient } from '../page/engineClient.ts';
import { confirmDone } from '../page/notices.ts';
import { addSample, NO_RATE, type Rate } from './rate.ts';
import { keepStorage, refreshStored } from './stored.ts';

export type Download = {
  readonly source: ModelSource;
  /** `asking`: what it would bring is looked up. `asked`: waits for the user. The rest speaks for itself. */
  readonly status: 'asking' | 'asked' | 'running' | 'stopping' | 'failed';
  /** The license was accepted, now or when it was begun. */
  readonly accepted: boolean;
  readonly plan: DownloadPlan | null;
  readonly progress: RequestProgress | null;
  /** The latest remark of the engine: a dropped connection, another mirror. */
  readonly note: string | null;
  readonly rate: Rate;
  readonly failure: ErrorReport | null;
};

type DownloadsState = {
  /** For hubs that ask who is there; never stored, gone with the page. */
  readonly token: string;
  /** By `sourceId`, which is the identifier of the stored model as well. */
  readonly items: ReadonlyMap<string, Download>;
};

export const useDownloads = create<DownloadsState>()(() => ({ token: '', items: new Map() }));

const { setState: set, getState: get } = useDownloads;
const aborts = new Map<string, AbortController>();
const BEGIN = { plan: null, progress: null, note: null, rate: NO_RATE, failure: null } as const;

export function setToken(token: string): void {
  set({ token });
}

/** Looks up what the typed repository or address would bring. @throws StudioError for what is neither */
export function askForAddress(text: string): Promise<void> {
  return askForModel(parseSource(text));
}

/** Looks up what a download would bring, its license above all; nothing large is fetched. */
export async function askForModel(source: ModelSource): Promise<void> {
  const id = sourceId(source);
  if (aborts.has(id)) return;
  const { signal } = begin(id, { ...BEGIN, source, status: 'asking', accepted: false });
  try {
    const plan = await engineClient().call('planDownload', { source, token: tokenOrNull() }, { signal });
    change(id, { status: 'asked', plan });
  } catch (error) {
    end(id, signal, error);
  } finally {
    aborts.delete(id);
  }
}

/**
 * Fetches what is missing of a model. To be called once the license has been accepted, which it also was for one that
 * has been begun before.
 */
export async function downloadModel(source: ModelSource): Promise<void> {
  const id = sourceId(source);
  if (aborts.has(id)) return;
  const plan = get().items.get(id)?.plan ?? null;
  const { signal } = begin(id, { ...BEGIN, source, plan, status: 'running', accepted: true });
  // The click that asked for gigabytes is the moment to ask the browser to keep them.
  void keepStorage();
  try {
    const stored = await engineClient().call(
      'downloadModel',
      { source, token: tokenOrNull() },
      { signal, onProgress: (progress) => receive(id, progress) },
    );
    drop(id);
    confirmDone(`${stored.name} is complete and stored in this browser.`);
  } catch (error) {
    end(id, signal, error);
  } finally {
    aborts.delete(id);
    await refreshStored();
  }
}

/** After a failure: the same again. */
export function tryAgain({ accepted, source }: Download): Promise<void> {
  return accepted ? downloadModel(source) : askForModel(source);
}

/** Stops fetching or asking; what has arrived stays. */
export function pauseDownload(id: string): void {
  const controller = aborts.get(id);
  if (controller === undefined) return;
  change(id, { status: 'stopping' });
  controller.abort();
}

/** Leaves a question or a failure. */
export function closeDownload(id: string): void {
  if (aborts.has(id)) pauseDownload(id);
  else drop(id);
}

/** Name of what is being asked for or fetched, before anything is known of it. */
export function downloadName({ plan, source }: Download): string {
  return plan?.name ?? sourceName(source);
}

function begin(id: string, download: Download): AbortController {
  const controller = new AbortController();
  aborts.set(id, controller);
  set({ items: new Map(get().items).set(id, download) });
  return controller;
}

function receive(id: string, progress: RequestProgress): void {
  const download = get().items.get(id);
  if (download === undefined) return;
  const rate = addSample(download.rate, performance.now(), progress.done);
  change(id, { progress, rate, note: progress.note ?? download.note });
}

function end(id: string, signal: AbortSignal, error: unknown): void {
  if (signal.aborted) drop(id);
  else change(id, { status: 'failed', failure: reportError(error) });
}

function change(id: string, part: Partial<Download>): void {
  const download = get().items.get(id);
  if (download !== undefined) set({ items: new Map(get().items).set(id, { ...download, ...part }) });
}

function drop(id: string): void {
  const items = new Map(get().items);
  items.delete(id);
  set({ items });
}

function tokenOrNull(): string | null {
  const token = get().token.trim();
  return token === '' ? null : token;
}
