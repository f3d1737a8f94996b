/**
 * A whole model from the network into storage: it is planned, fetched file by file and checked, and a later attempt
 * goes on where this one stopped. The manifest is written before the bytes it speaks of, so that it is always known
 * what lies on the disk.
 */

import type { DownloadPlan, ModelSource } from '../../contract/modelSource.ts';
import { openLdmCheckpoint } from '../../formats/ldmCheckpoint.ts';
import { openSafetensors } from '../../formats/safetensors.ts';
import { openTorchFile } from '../../formats/torchFile.ts';
import { StudioError } from '../../lib/errors.ts';
import { sourceId, sourceName } from '../../sources/address.ts';
import { CATALOG } from '../../sources/catalog.ts';
import type { Hub } from '../../sources/hubs.ts';
import { storageFull } from '../failure.ts';
import { hashFile } from '../hashFile.ts';
import { modelKey } from '../keys.ts';
import { readValue, writeValues } from '../kv.ts';
import { parseManifest } from '../manifest.ts';
import { CHECKPOINT_PATH } from '../modelFiles.ts';
import { modelSchema, type StoredModel, type StoredModelFile } from '../modelManifest.ts';
import { modelFolder, withModelLock } from '../modelStore.ts';
import { fileSource, listFiles, moveFile, removeTree, sizeOf } from '../opfs.ts';
import { PART } from '../paths.ts';
import { storageReport } from '../quota.ts';
import { fetchFile, type Patience } from './fetchFile.ts';
import { type Place, placeName, placesOf } from './places.ts';
import { describePlace, finalError, type RemoteModel } from './remote.ts';
import { completeTokenizer } from './tokenizer.ts';

type DownloadOptions = {
  readonly token: string | null;
  readonly signal: AbortSignal;
  readonly onProgress?: (doneBytes: number, totalBytes: number, note?: string) => void;
  /** Hubs other than the known ones. */
  readonly hubs?: Readonly<Record<string, Hub>>;
  readonly patience?: Patience;
};

/** @throws StudioError of the places, if none answers with a model */
export async function planDownload(source: ModelSource, options: DownloadOptions): Promise<DownloadPlan> {
  return firstOf(source, options, async (remote, notes) => {
    const { freeBytes } = await storageReport();
    const id = sourceId(source);
    const old = parseManifest(modelSchema, await readValue(modelKey(id)));
    return {
      id,
      name: sourceName(source),
      source,
      place: remote.place,
      files: remote.files.map(({ path, sizeBytes }) => ({ path, sizeBytes: sizeBytes ?? 0 })),
      sizeBytes: totalOf(remote),
      storedBytes: old === null ? 0 : await keptBytes(old, remote),
      freeBytes,
      license: licenseOf(source, remote),
      notes: [...notes, ...remote.notes],
    };
  });
}

/**
 * Fetches what is missing. Each place of the source is tried in turn; what an earlier one has brought is kept where its
 * hash says that it is the same.
 * @throws StudioError `download-interrupted`, `download-damaged`, `storage-full`, `storage-in-use`, `url-*`, or the
 * reason of the signal; what has arrived is kept
 */
export function downloadModel(source: ModelSource, options: DownloadOptions): Promise<StoredModel> {
  const id = sourceId(source);
  return withModelLock(id, async () => {
    const old = parseManifest(modelSchema, await readValue(modelKey(id)));
    if (old?.complete) return old;
    return firstOf(source, options, (remote, notes) => fetchModel(id, source, remote, notes, options));
  });
}

/** The first place where `work` succeeds. The user's own wishes and the disk's failures end it at once. */
async function firstOf<T>(
  source: ModelSource,
  options: DownloadOptions,
  work: (remote: RemoteModel, notes: readonly string[]) => Promise<T>,
): Promise<T> {
  const places = placesOf(source, options.hubs);
  const failures: { readonly place: Place; readonly error: StudioError }[] = [];
  for (const place of places) {
    const notes = failures.map(({ place: other, error }) => `${placeName(other)}: ${error.message}`);
    try {
      const { token, signal, patience } = options;
      const access = { token, signal, ...(patience === undefined ? {} : { waitsMs: patience.waitsMs }) };
      return await work(await describePlace(place, access), notes);
    } catch (caught) {
      options.signal.throwIfAborted();
      const error = finalError(caught);
      if (!(error instanceof StudioError) || error.code.startsWith('storage-')) throw error;
      failures.push({ place, error });
    }
  }
  throw combined(failures.map(({ place, error }) => ({ name: placeName(place), error })));
}

async function fetchModel(
  id: string,
  source: ModelSource,
  remote: RemoteModel,
  notes: readonly string[],
  options: DownloadOptions,
): Promise<StoredModel> {
  const folder = modelFolder(id);
  const old = parseManifest(modelSchema, await readValue(modelKey(id)));
  let model: StoredModel = {
    version: 1,
    id,
    name: sourceName(source),
    files: remote.files.map(({ path, sizeBytes, sha256, version }) => {
      const before = old === null ? undefined : sameFile(old, remote, path);
      return {
        path,
        sizeBytes: sizeBytes ?? before?.sizeBytes ?? null,
        sha256,
        version,
        validator: before?.validator ?? null,
      };
    }),
    skipped: [],
    sizeBytes: totalOf(remote),
    importedAt: old?.importedAt ?? Date.now(),
    complete: false,
    layout: remote.layout,
    prediction: null,
    predictionGuessed: false,
    source: withoutSecrets(source),
    place: remote.place,
    license: licenseOf(source, remote),
  };
  await removeOthers(folder, old, remote);
  await writeValues([[modelKey(id), model]]);

  const access = { token: options.token, tokenOrigin: remote.tokenOrigin, signal: options.signal };
  const totalBytes = totalOf(remote);
  await assertRoom(folder, totalBytes - (await sizeOf(folder)));
  let before = 0;
  let current = 0;
  const tell = (stored: number, note?: string): void => {
    current = stored;
    options.onProgress?.(before + stored, totalBytes, note);
  };
  for (const note of notes) tell(0, note);
  for (const file of remote.files) {
    const path = `${folder}/${file.path}`;
    const done = await sizeOf(path);
    if (done > 0 || (await isThere(path))) {
      before += done;
      tell(0);
      continue;
    }
    const onVersion = async (version: {
      validator: string | null;
      sizeBytes: number | null;
    }): Promise<void> => {
      model = { ...model, files: model.files.map((f) => (f.path === file.path ? { ...f, ...version } : f)) };
      await writeValues([[modelKey(id), model]]);
    };
    const size = await fetchFile(file, path + PART, {
      access,
      validator: model.files.find((f) => f.path === file.path)?.validator ?? null,
      onVersion,
      onBytes: (stored) => tell(stored),
      onNote: (note) => tell(current, note),
      ...(options.patience === undefined ? {} : { patience: options.patience }),
    });
    tell(size, `Checking ${file.path}.`);
    await checkArrived(path + PART, file, options.signal);
    await moveFile(path + PART, path);
    before += size;
    current = 0;
  }
  const files = await Promise.all(
    model.files.map(async (file) => ({ ...file, sizeBytes: await sizeOf(`${folder}/${file.path}`) })),
  );
  if (remote.layout === 'checkpoint')
    files.push(...(await completeTokenizer(folder, files, options.signal, options.hubs)));
  model = {
    ...model,
    ...(await readCheckpoint(model, folder)),
    files,
    sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
    complete: true,
  };
  await writeValues([[modelKey(id), model]]);
  return model;
}

/** What a checkpoint predicts. @throws StudioError as `openLdmCheckpoint`: the model stays incomplete then */
async function readCheckpoint(
  { layout, name }: StoredModel,
  folder: string,
): Promise<Partial<Pick<StoredModel, 'prediction' | 'predictionGuessed'>>> {
  const source = layout === 'checkpoint' ? await fileSource(`${folder}/${CHECKPOINT_PATH}`) : null;
  if (source === null) return {};
  const { prediction, predictionGuessed } = await openLdmCheckpoint(source, { name });
  return { prediction, predictionGuessed };
}

/** @throws StudioError `download-damaged`, after which the file is gone, or as `openSafetensors` */
async function checkArrived(
  path: string,
  file: { readonly path: string; readonly sha256: string | null },
  signal: AbortSignal,
): Promise<void> {
  const source = await fileSource(path);
  if (source === null) throw damaged(file.path, 'is not there');
  try {
    if (file.sha256 !== null) {
      const found = await hashFile(source, { signal });
      if (found !== file.sha256) throw damaged(file.path, `has the hash ${found} instead of ${file.sha256}`);
    }
    if (file.path.endsWith('.safetensors')) await openSafetensors(source);
    if (file.path.endsWith('.pt')) await openTorchFile(source);
  } catch (error) {
    // Going on from damaged bytes would only complete a damaged file.
    if (!signal.aborted) await removeTree(path);
    throw error;
  }
}

/** The stored file that the bytes of a remote one may be, whole or in part. */
function sameFile(old: StoredModel, remote: RemoteModel, path: string): StoredModelFile | undefined {
  const before = old.files.find((file) => file.path === path);
  const now = remote.files.find((file) => file.path === path);
  if (before === undefined || now === undefined) return undefined;
  if (now.version !== null && before.version !== null && now.sha256 === null) {
    return before.version === now.version ? before : undefined;
  }
  if (now.sha256 !== null || before.sha256 !== null) return before.sha256 === now.sha256 ? before : undefined;
  const sameSize = before.sizeBytes === null || now.sizeBytes === null || before.sizeBytes === now.sizeBytes;
  return sameSize && old.place === remote.place ? before : undefined;
}

/** Removes what an earlier attempt left and this one has no use for. */
async function removeOthers(folder: string, old: StoredModel | null, remote: RemoteModel): Promise<void> {
  const kept = new Set(
    remote.files.filter(({ path }) => old !== null && sameFile(old, remote, path)).map(({ path }) => path),
  );
  for (const { path } of await listFiles(folder, { parts: true })) {
    if (!kept.has(path.endsWith(PART) ? path.slice(0, -PART.length) : path))
      await removeTree(`${folder}/${path}`);
  }
}

async function keptBytes(old: StoredModel, remote: RemoteModel): Promise<number> {
  let bytes = 0;
  for (const { path } of remote.files) {
    if (sameFile(old, remote, path) === undefined) continue;
    const file = `${modelFolder(old.id)}/${path}`;
    bytes += (await sizeOf(file)) + (await sizeOf(file + PART));
  }
  return bytes;
}

async function isThere(path: string): Promise<boolean> {
  return (await fileSource(path)) !== null;
}

/** @throws StudioError `storage-full` */
async function assertRoom(folder: string, neededBytes: number): Promise<void> {
  const { freeBytes } = await storageReport();
  if (freeBytes !== null && neededBytes > freeBytes) throw await storageFull(folder, neededBytes);
}

function totalOf(remote: RemoteModel): number {
  return remote.files.reduce((sum, { sizeBytes }) => sum + (sizeBytes ?? 0), 0);
}

function licenseOf(source: ModelSource, remote: RemoteModel): DownloadPlan['license'] {
  const entry = source.kind === 'catalog' ? CATALOG.find(({ id }) => id === source.id) : undefined;
  return entry?.license ?? remote.license;
}

/** A query may be a signature that opens the file to whoever has it. */
function withoutSecrets(source: ModelSource): ModelSource {
  return source.kind === 'url' ? { ...source, url: source.url.replace(/\?.*$/, '') } : source;
}

function damaged(path: string, problem: string): StudioError {
  return new StudioError('download-damaged', `${path} arrived damaged: it ${problem}.`, {
    remedy: 'Start the download again: this file is fetched from the start, the others are kept.',
    where: path,
  });
}

/** One error for all places, with the remedy of the last. */
function combined(failures: readonly { readonly name: string; readonly error: StudioError }[]): StudioError {
  const last = failures.at(-1)?.error as StudioError; // a source has at least one place
  if (failures.length === 1) return last;
  // What the user can do something about comes first.
  const telling =
    failures.find(({ error }) => error.code === 'url-forbidden' || error.code === 'download-interrupted')
      ?.error ?? last;
  const all = failures.map(({ name, error }) => `${name}: ${error.message}`).join(' ');
  return new StudioError(telling.code, `No copy could be fetched. ${all}`, {
    remedy: telling.remedy,
    where: telling.where ?? '',
    cause: telling,
  });
}
