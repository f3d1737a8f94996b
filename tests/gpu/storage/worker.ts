// Storage as the engine uses it, in a dedicated worker that a test can call, break and end.

import type { ModelSource } from '../../../src/contract/modelSource.ts';
import { reportError } from '../../../src/lib/errors.ts';
import { HUBS } from '../../../src/sources/hubs.ts';
import * as adapterStore from '../../../src/storage/adapterStore.ts';
import { BROWSER } from '../../../src/storage/browser.ts';
import * as checkpoints from '../../../src/storage/checkpoints.ts';
import { downloadModel, planDownload } from '../../../src/storage/download/downloadModel.ts';
import { completeTokenizer } from '../../../src/storage/download/tokenizer.ts';
import * as imageStore from '../../../src/storage/imageStore.ts';
import type { ImportedFile } from '../../../src/storage/importFiles.ts';
import * as inventory from '../../../src/storage/inventory.ts';
import * as kv from '../../../src/storage/kv.ts';
import { engineLock } from '../../../src/storage/locks.ts';
import * as modelStore from '../../../src/storage/modelStore.ts';
import * as opfs from '../../../src/storage/opfs.ts';
import type { PoolHeader, PoolRecord } from '../../../src/storage/poolFormat.ts';
import {
  type OpenPoolOptions,
  openPoolLog,
  type PoolLog,
  type PoolRef,
} from '../../../src/storage/poolLog.ts';
import * as quota from '../../../src/storage/quota.ts';
import { createRunRecord, listRunRecords, saveRunRecord } from '../../../src/storage/runs.ts';
import { verifyStored } from '../../../src/storage/verify.ts';

export type PoolView = Pick<PoolLog, 'size' | 'warnings'> & {
  readonly entries: ReturnType<PoolLog['entries']>;
};

export type DownloadSettings = {
  /** Origin that stands for the hub. */
  readonly hub?: string;
  readonly token?: string;
  readonly waitsMs?: readonly number[];
  readonly stallMs?: number;
  /** Bytes after which the download is aborted. */
  readonly abortAt?: number;
};

function downloadOptions({ hub, token, waitsMs = [10, 10], stallMs = 2000 }: DownloadSettings) {
  const hubs =
    hub === undefined
      ? {}
      : { hubs: { huggingface: { ...HUBS.huggingface, origin: hub.replace(/\/$/, '') } } };
  return { token: token ?? null, patience: { waitsMs, stallMs }, ...hubs };
}

let told = false;
let pool: PoolLog | undefined;
const { write } = FileSystemSyncAccessHandle.prototype;

function openPool(): PoolLog {
  if (pool === undefined) throw new Error('no pool is open');
  return pool;
}

const api = {
  ...opfs,
  ...quota,
  deleteModelFolder: modelStore.deleteModelFolder,
  listModels: modelStore.listModels,
  setPrediction: modelStore.setPrediction,
  importImageFolder: imageStore.importImageFolder,
  listImages: imageStore.listImages,
  openImage: imageStore.openImage,
  deleteImageFolder: imageStore.deleteImageFolder,

  /** One pool is open at a time. */
  async openPool(path: string, header: PoolHeader, options?: OpenPoolOptions): Promise<PoolView> {
    pool = await openPoolLog(opfs, path, header, options);
    return { size: pool.size, warnings: pool.warnings, entries: pool.entries() };
  },
  appendPool: (records: readonly PoolRecord[]) => openPool().append(records),
  poolHas: (prompt: number, candidate: number) => openPool().has(prompt, candidate),
  poolTrace: (ref: PoolRef) => openPool().trace(ref),
  poolLatents: (refs: readonly PoolRef[]) => openPool().latents(refs),
  closePool(): void {
    pool?.close();
    pool = undefined;
  },

  /** A disk that fills up: each write stores half of its bytes, then fails. */
  fillDisk(): void {
    FileSystemSyncAccessHandle.prototype.write = function (bytes, options) {
      const view = bytes as Uint8Array<ArrayBuffer>;
      write.call(this, view.subarray(0, view.byteLength >> 1), options);
      throw new DOMException('full', 'QuotaExceededError');
    };
  },
  emptyDisk(): void {
    FileSystemSyncAccessHandle.prototype.write = write;
  },
  /** A browser that grants only so much. */
  reportRoom(estimate: StorageEstimate): void {
    navigator.storage.estimate = async () => estimate;
  },
  /** What a page without secure context sees. */
  hideStorage(): void {
    Object.defineProperty(navigator, 'storage', { value: undefined });
  },

  /** Writes some bytes and then waits for more until the worker is ended. */
  writeForever(path: string, bytes: Uint8Array): Promise<number> {
    return opfs.writePieces(
      path,
      (async function* () {
        yield bytes;
        await new Promise(() => undefined);
      })(),
    );
  },
  /** Breaks off after the first piece. */
  writeAndFail(path: string, bytes: Uint8Array): Promise<number> {
    return opfs.writePieces(
      path,
      (function* () {
        yield bytes;
        throw new Error('the source broke');
      })(),
    );
  },
  createRunRecord: (run: Parameters<typeof createRunRecord>[1]) => createRunRecord(BROWSER, run),
  listRunRecords: () => listRunRecords(BROWSER),
  /** Changes a run without end, records and files, until it is told to stop; how the changes ended. */
  async writeUntilTold(id: string) {
    let begun = 0;
    let ended = 0;
    const codes = new Set<string>();
    while (!told) {
      begun++;
      try {
        await saveRunRecord(BROWSER, id, { name: `change ${begun}` });
      } catch (error) {
        codes.add(reportError(error).code);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      ended++;
    }
    return { begun, ended, codes: [...codes] };
  },
  tellWriters(): void {
    told = true;
  },
  listCheckpoints: (runId: string) => checkpoints.listCheckpoints(opfs, runId),
  loadCheckpoint: (runId: string, checkpoint: { slot: number; sequence: number }) =>
    checkpoints.loadCheckpoint(opfs, runId, checkpoint),
  saveCheckpoint: (runId: string, step: number, state: object) =>
    checkpoints.saveCheckpoint(
      opfs,
      runId,
      { version: 0, round: 0, step, best: null, resumable: true },
      state,
    ),
  /** Saves training states without end, each with other numbers. */
  async saveForever(runId: string, length: number): Promise<void> {
    for (let step = 1; ; step++)
      await api.saveCheckpoint(runId, step, { m: new Float32Array(length).fill(step) });
  },
  async readRange(path: string, offset: number, length: number): Promise<Uint8Array | undefined> {
    return (await opfs.fileSource(path))?.read(offset, length);
  },
  async readModel(id: string, ...paths: string[]): Promise<Uint8Array> {
    const source = await (await modelStore.openModelFolder(id)).open(...paths);
    return source.read(0, source.sizeBytes);
  },
  planDownload: (source: ModelSource, settings: DownloadSettings = {}) =>
    planDownload(source, { ...downloadOptions(settings), signal: new AbortController().signal }),
  async downloadModel(source: ModelSource, settings: DownloadSettings = {}) {
    const abort = new AbortController();
    const progress: (readonly [number, number])[] = [];
    const notes: string[] = [];
    const model = await downloadModel(source, {
      ...downloadOptions(settings),
      signal: abort.signal,
      onProgress: (done, total, note) => {
        progress.push([done, total]);
        if (note !== undefined) notes.push(note);
        if (done >= (settings.abortAt ?? Number.POSITIVE_INFINITY))
          abort.abort(new DOMException('canceled', 'AbortError'));
      },
    });
    return { model, progress, notes };
  },
  saveAdapter: adapterStore.saveAdapter,
  listStored: inventory.listStored,
  deleteStored: inventory.deleteStored,
  verifyStored: (kind: Parameters<typeof verifyStored>[0], id: string) => verifyStored(kind, id),
  /** Everything in the database as text. */
  async allRecordTexts(): Promise<string> {
    const values = await Promise.all(
      (['model:', 'run:', 'images:', 'setting:'] as const).map((prefix) => kv.valuesWithPrefix(prefix)),
    );
    return JSON.stringify(values.map((map) => [...map]));
  },
  /** @param settings `abortAt`: bytes after which the import is aborted; `hub`: where a vocabulary may be fetched */
  async importModel(
    id: string,
    files: readonly ImportedFile[],
    settings: { abortAt?: number; hub?: string; prediction?: 'epsilon' | 'v_prediction' } = {},
  ) {
    const { abortAt = Number.POSITIVE_INFINITY, hub, prediction = null } = settings;
    const abort = new AbortController();
    const progress: (readonly [number, number])[] = [];
    const { hubs } = downloadOptions(hub === undefined ? {} : { hub });
    const model = await modelStore.importModelFolder(id, files, {
      name: 'A model',
      signal: abort.signal,
      prediction,
      addTokenizer: (folder, present) => completeTokenizer(folder, present, abort.signal, hubs),
      onProgress: (done, total) => {
        progress.push([done, total]);
        if (done >= abortAt) abort.abort(new DOMException('canceled', 'AbortError'));
      },
    });
    return { model, progress };
  },
};

export type Api = typeof api;

self.onmessage = async ({ data }: MessageEvent<{ id: number; name: keyof Api; args: unknown[] }>) => {
  try {
    const value = await (api[data.name] as (...args: unknown[]) => unknown)(...data.args);
    self.postMessage({ id: data.id, value: isHandle(value) ? undefined : value });
  } catch (error) {
    self.postMessage({ id: data.id, error: reportError(error) });
  }
};

// As an engine, as long as it lives.
void navigator.locks.request(engineLock(self.name), () => {
  self.postMessage('alive');
  return new Promise(() => undefined);
});

function isHandle(value: unknown): boolean {
  return value instanceof FileSystemHandle;
}
