/** Checks what is stored: whether it is all there, and still what it was. */

import type { FileCheck, StoredKind, Verification } from '../contract/stored.ts';
import { openSafetensors } from '../formats/safetensors.ts';
import { bytesSource } from '../lib/bytes.ts';
import { StudioError } from '../lib/errors.ts';
import { hashFile } from './hashFile.ts';
import { listImageFolders } from './imageStore.ts';
import { adapterBytes } from './inventory.ts';
import { modelKey } from './keys.ts';
import { writeValues } from './kv.ts';
import type { StoredModel, StoredModelFile } from './modelManifest.ts';
import { listModels, modelFolder, withModelLock } from './modelStore.ts';
import { fileSource, openFile, removeTree } from './opfs.ts';

type VerifyOptions = {
  readonly signal?: AbortSignal;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
};

/**
 * Compares sizes, the structure of safetensors files, and hashes where the source gave them. What a download brought
 * and is damaged is removed, and the model counts as incomplete: downloading again fetches just that.
 * @throws StudioError `stored-missing`, `storage-in-use`, or the reason of the signal
 */
export async function verifyStored(
  kind: StoredKind,
  id: string,
  options: VerifyOptions = {},
): Promise<Verification> {
  switch (kind) {
    case 'model':
      return verifyModel(id, options);
    case 'images':
      return verifyImages(id);
    case 'adapter':
      return report([await verifyAdapter(id)]);
    case 'survey':
    case 'leftover':
      return report([
        { path: id, sizeBytes: 0, compared: 'size', problem: 'Nothing refers to it: it can be deleted.' },
      ]);
    default:
      return kind satisfies never;
  }
}

async function verifyModel(id: string, { signal, onProgress }: VerifyOptions): Promise<Verification> {
  const model = (await listModels()).find((listed) => listed.id === id);
  if (model === undefined) throw missing(id);
  return withModelLock(id, async () => {
    let done = 0;
    const checks: FileCheck[] = [];
    for (const file of model.files) {
      const onBytes = (bytes: number): void => {
        done += bytes;
        onProgress?.(done, model.sizeBytes);
      };
      const check = await checkFile(`${modelFolder(id)}/${file.path}`, file, { signal, onBytes });
      if (check.compared !== 'hash') onBytes(file.sizeBytes ?? 0);
      checks.push(check);
    }
    const bad = checks.filter(({ problem }) => problem !== null);
    if (bad.length > 0 && model.source !== null) await makeIncomplete(model, bad);
    return report(checks);
  });
}

async function makeIncomplete(model: StoredModel, bad: readonly FileCheck[]): Promise<void> {
  await writeValues([[modelKey(model.id), { ...model, complete: false }]]);
  for (const { path } of bad) await removeTree(`${modelFolder(model.id)}/${path}`);
}

async function checkFile(
  path: string,
  file: StoredModelFile,
  options: { readonly signal: AbortSignal | undefined; readonly onBytes: (bytes: number) => void },
): Promise<FileCheck> {
  const source = await fileSource(path);
  const of = (compared: FileCheck['compared'], problem: string | null): FileCheck => ({
    path: file.path,
    sizeBytes: source?.sizeBytes ?? 0,
    compared,
    problem,
  });
  if (source === null) return of('size', 'It is not there.');
  if (file.sizeBytes !== null && source.sizeBytes !== file.sizeBytes) {
    return of('size', `It has ${source.sizeBytes} bytes instead of ${file.sizeBytes}.`);
  }
  if (file.sha256 !== null) {
    const same = (await hashFile(source, options)) === file.sha256;
    return of('hash', same ? null : 'Its hash is not the one that its source gave.');
  }
  if (!file.path.endsWith('.safetensors')) return of('size', null);
  return of('structure', await problemOf(() => openSafetensors(source)));
}

async function verifyImages(id: string): Promise<Verification> {
  const folder = (await listImageFolders()).find((listed) => listed.id === id);
  if (folder === undefined) throw missing(id);
  const checks = folder.images.map(async ({ fileName }): Promise<FileCheck> => {
    const file = await openFile(`images/${id}/${fileName}`);
    const problem = file === null ? 'It is not there.' : file.size === 0 ? 'It is empty.' : null;
    return { path: fileName, sizeBytes: file?.size ?? 0, compared: 'size', problem };
  });
  return report(await Promise.all(checks));
}

async function verifyAdapter(id: string): Promise<FileCheck> {
  const bytes = await adapterBytes(id);
  const problem = await problemOf(() => openSafetensors(bytesSource(bytes, id)));
  return { path: id, sizeBytes: bytes.byteLength, compared: 'structure', problem };
}

async function problemOf(work: () => Promise<unknown>): Promise<string | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (error instanceof StudioError) return error.message;
    throw error;
  }
}

function report(files: readonly FileCheck[]): Verification {
  return { ok: files.every(({ problem }) => problem === null), files };
}

function missing(id: string): StudioError {
  return new StudioError('stored-missing', 'This is no longer stored in this browser.', {
    remedy: 'Reload the list; another tab may have deleted it.',
    where: id,
  });
}
