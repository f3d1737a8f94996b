import { blobSource } from '../lib/bytes.ts';
import { storageFull } from './failure.ts';
import { writePieces } from './opfs.ts';
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

/**
 * Copies files into a folder of the private file system, a piece at a time, so that none is in memory as a whole.
 * @throws StudioError `storage-full` before the first byte if they cannot fit, and as `writePieces`
 */
export async function copyFiles(
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
