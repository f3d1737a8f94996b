import { blobSource } from '../lib/bytes.ts';
import { storageFull } from './failure.ts';
import type { StoreKey } from './keys.ts';
import { writeValues } from './kv.ts';
import { removeTree, writePieces } from './opfs.ts';
import { storageReport } from './quota.ts';

/** A dropped or chosen file with its path below what was dropped. */
export type ImportedFile = { readonly path: string; readonly file: Blob };

export type ImportOptions = {
  /** Shown to the user; the identifier if left out. */
  readonly name?: string;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  /** Aborting ends the import between two pieces with the signal's reason. */
  readonly signal?: AbortSignal;
};

const PIECE_BYTES = 4 * 2 ** 20;

type FolderImport<M> = {
  /** Of the manifest. */
  readonly key: StoreKey;
  readonly folder: string;
  readonly manifest: M;
  readonly files: readonly ImportedFile[];
  /** What may fail before the files are copied; returns what it changes in the manifest. */
  readonly first?: () => Promise<Partial<M>>;
};

/**
 * Copies files into an empty folder. The manifest is written before them, and says that it is complete after them: an
 * import that stops early stays listed until it is deleted or done again.
 * @throws StudioError `storage-full` before the first byte if they cannot fit, as `writePieces`, or the reason of the signal
 */
export async function importFolder<M extends { readonly complete: boolean }>(
  { key, folder, manifest, files, first }: FolderImport<M>,
  options: ImportOptions,
): Promise<M> {
  await removeTree(folder);
  await writeValues([[key, manifest]]);
  const changed = await first?.();
  await copyFiles(folder, files, options);
  const complete = { ...manifest, ...changed, complete: true };
  await writeValues([[key, complete]]);
  return complete;
}

/**
 * Copies files into a folder of the private file system, a piece at a time, so that none is in memory as a whole.
 * @throws StudioError `storage-full` before the first byte if they cannot fit, and as `writePieces`
 */
async function copyFiles(
  folder: string,
  files: readonly ImportedFile[],
  options: ImportOptions,
): Promise<void> {
  const totalBytes = files.reduce((sum, { file }) => sum + file.size, 0);
  const { freeBytes } = await storageReport();
  if (freeBytes !== null && totalBytes > freeBytes) throw await storageFull(folder, totalBytes);
  let doneBytes = 0;
  options.onProgress?.(0, totalBytes);
  for (const { path, file } of files) {
    const pieces = readPieces(path, file, options.signal, (count) => {
      doneBytes += count;
      options.onProgress?.(doneBytes, totalBytes);
    });
    await writePieces(`${folder}/${path}`, pieces);
  }
}

async function* readPieces(
  path: string,
  file: Blob,
  signal: AbortSignal | undefined,
  onPiece: (count: number) => void,
): AsyncGenerator<Uint8Array> {
  const source = blobSource(file, path);
  for (let offset = 0; offset < file.size; offset += PIECE_BYTES) {
    signal?.throwIfAborted();
    const piece = await source.read(offset, Math.min(PIECE_BYTES, file.size - offset));
    yield piece;
    onPiece(piece.byteLength);
  }
}
