/**
 * Files of this page (origin private file system), by paths such as `runs/<id>/pool-0.bin`.
 *
 * Large and binary things live here: latents, model weights, images. Small records live in IndexedDB (`kv.ts`).
 * Writing needs a dedicated worker. All functions throw the StudioErrors of `guardStorage`, and `storage-path` for
 * paths that are none.
 */
import { type ByteSource, blobSource } from '../lib/bytes.ts';
import type { StoredFile } from './backing.ts';
import { guardStorage, isLocked, isNotFound, storageUnavailable } from './failure.ts';
import { fileLock, holdName } from './locks.ts';
import { PART, splitPath } from './paths.ts';
import { openForReading, openForWriting, openShared, readAll, writeAll } from './syncFile.ts';

/** The folder, made if missing. */
export function directory(path: string): Promise<FileSystemDirectoryHandle> {
  return guardStorage(path, () => walk(splitPath(path), true));
}

/** The file, made if missing. */
export function fileHandle(path: string): Promise<FileSystemFileHandle> {
  return guardStorage(path, async () => {
    const { folder, name } = parent(path);
    return (await walk(folder, true)).getFileHandle(name, { create: true });
  });
}

/** The file as a Blob that is read on demand, or null if there is none. */
export function openFile(path: string): Promise<File | null> {
  return guardStorage(path, async () => (await (await findFile(path))?.getFile()) ?? null);
}

/** The first bytes of a file, all of them by default, or null if there is none. */
export function readBytes(path: string, limit?: number): Promise<Uint8Array<ArrayBuffer> | null> {
  return guardStorage(path, async () => {
    const file = await openFile(path);
    return file === null ? null : new Uint8Array(await file.slice(0, limit ?? file.size).arrayBuffer());
  });
}

/**
 * The file, made if missing, held until it is closed. By a name: Chromium's own lock on a file that was cleared under an
 * engine stays until the browser ends, long after that engine.
 * @throws DOMException `NoModificationAllowedError` if it is held
 */
export async function holdFile(path: string): Promise<FileSystemSyncAccessHandle> {
  const release = await holdName(fileLock(path));
  if (release === null) throw new DOMException(`${path} is held.`, 'NoModificationAllowedError');
  try {
    const handle = await openShared(await fileHandle(path));
    const close = handle.close.bind(handle);
    handle.close = () => {
      close();
      release();
    };
    return handle;
  } catch (cause) {
    release();
    throw cause;
  }
}

/** Writes a whole file: afterwards the path has the new bytes, or on failure still the old ones or nothing. */
export async function writeBytes(path: string, bytes: Uint8Array): Promise<void> {
  await writePieces(path, [bytes]);
}

/** As `writeBytes`, from pieces that are written as they come. @returns number of bytes */
export function writePieces(
  path: string,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<number> {
  return guardStorage(path, async () => {
    const { folder, name } = parent(path);
    const target = await walk(folder, true);
    const { part, handle } = await openPart(target, name);
    let size = 0;
    try {
      handle.truncate(0);
      for await (const piece of pieces) {
        writeAll(handle, piece, size);
        size += piece.byteLength;
      }
      handle.flush();
      handle.close();
      await part.move(target, name);
    } catch (cause) {
      handle.close();
      // The failure of the write is the one to report; a rest that stays is overwritten by the next attempt.
      await target.removeEntry(part.name).catch(() => undefined);
      throw cause;
    }
    return size;
  });
}

/** Removes a file or a folder with everything in it; one that is missing is fine. */
export function removeTree(path: string): Promise<void> {
  return guardStorage(path, async () => {
    const { folder, name } = parent(path);
    try {
      await (await walk(folder, false)).removeEntry(name, { recursive: true });
    } catch (cause) {
      if (!isNotFound(cause)) throw cause;
    }
  });
}

/**
 * Files below a folder, sorted by path; none if the folder is missing.
 * @param options `parts`: those being written too, with the ending `PART`
 */
export async function listFiles(path: string, { parts = false } = {}): Promise<StoredFile[]> {
  const files = await allFiles(path);
  return files
    .filter((file) => parts || !file.path.endsWith(PART))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Names of the folders directly in a folder; none if it is missing. */
export function listFolders(path: string): Promise<string[]> {
  return guardStorage(path, async () => {
    const names: string[] = [];
    try {
      const folder = await walk(splitPath(path), false);
      for await (const [name, entry] of folder.entries()) if (entry.kind === 'directory') names.push(name);
    } catch (cause) {
      if (!isNotFound(cause) && !isMismatch(cause)) throw cause;
    }
    return names.sort();
  });
}

/** Gives a file another path, in one step; a file that has it already is replaced. */
export function moveFile(from: string, to: string): Promise<void> {
  return guardStorage(to, async () => {
    const source = parent(from);
    const target = parent(to);
    const file = await (await walk(source.folder, false)).getFileHandle(source.name);
    await (file as MovableFile).move(await walk(target.folder, true), target.name);
  });
}

/** Bytes of a file, or of a folder with everything in it; 0 if missing. */
export async function sizeOf(path: string): Promise<number> {
  const file = await openFile(path);
  if (file !== null) return file.size;
  return (await allFiles(path)).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** Random access to a stored file, or null if there is none. Holds no lock between reads. */
export function fileSource(path: string): Promise<ByteSource | null> {
  return guardStorage(path, async () => {
    const stored = await findFile(path);
    if (stored === null) return null;
    const bySlices = blobSource(await stored.getFile(), path);
    const { sizeBytes } = bySlices;
    return {
      name: path,
      sizeBytes,
      read: async (offset, length) => {
        const inside = offset >= 0 && length >= 0 && offset + length <= sizeBytes;
        const handle = inside ? await tryOpenForReading(stored) : null;
        // Slices also report ranges outside the file.
        if (handle === null) return bySlices.read(offset, length);
        try {
          const bytes = new Uint8Array(length);
          readAll(handle, bytes, offset);
          return bytes;
        } finally {
          handle.close();
        }
      },
    };
  });
}

/** Engines that ended in the middle of writing the same file, each in files that were cleared. */
const MOST_PARTS = 9;

/** Not in TypeScript's library yet: https://github.com/whatwg/fs/blob/main/proposals/MovingNonOpfsFiles.md */
type MovableFile = FileSystemFileHandle & {
  move(folder: FileSystemDirectoryHandle, name: string): Promise<void>;
};

/**
 * Reading large ranges by a handle takes half the time of slices (2 MiB: about 550 against 240 MiB/s, Chromium 156,
 * profile on disk). Null where only slices can read: pages, locked files.
 */
async function tryOpenForReading(file: FileSystemFileHandle): Promise<FileSystemSyncAccessHandle | null> {
  if (!('createSyncAccessHandle' in file)) return null;
  try {
    return await openForReading(file);
  } catch (cause) {
    if (isLocked(cause)) return null;
    throw cause;
  }
}

/** What is written before it gets its name. One that the browser still locks for an engine that has ended is passed over. */
async function openPart(
  folder: FileSystemDirectoryHandle,
  name: string,
): Promise<{ readonly part: MovableFile; readonly handle: FileSystemSyncAccessHandle }> {
  for (let i = 0; ; i++) {
    const ending = i === 0 ? PART : `.${i}${PART}`;
    const part = (await folder.getFileHandle(name + ending, { create: true })) as MovableFile;
    try {
      return { part, handle: await openForWriting(part) };
    } catch (cause) {
      if (!isLocked(cause) || i === MOST_PARTS) throw cause;
    }
  }
}

function parent(path: string): { readonly folder: string[]; readonly name: string } {
  const folder = splitPath(path);
  const name = folder.pop() as string; // splitPath gives at least one part
  return { folder, name };
}

async function walk(parts: readonly string[], create: boolean): Promise<FileSystemDirectoryHandle> {
  const storage = navigator.storage as Partial<StorageManager> | undefined;
  if (storage?.getDirectory === undefined) throw storageUnavailable('no private file system');
  let folder = await storage.getDirectory();
  for (const part of parts) folder = await folder.getDirectoryHandle(part, { create });
  return folder;
}

async function findFile(path: string): Promise<FileSystemFileHandle | null> {
  const { folder, name } = parent(path);
  try {
    return await (await walk(folder, false)).getFileHandle(name);
  } catch (cause) {
    if (isNotFound(cause) || isMismatch(cause)) return null;
    throw cause;
  }
}

/** A folder where a file was asked for, or the other way round. */
function isMismatch(cause: unknown): boolean {
  return cause instanceof DOMException && cause.name === 'TypeMismatchError';
}

function allFiles(path: string): Promise<StoredFile[]> {
  return guardStorage(path, async () => {
    const files: StoredFile[] = [];
    const visit = async (folder: FileSystemDirectoryHandle, prefix: string): Promise<void> => {
      for await (const [name, entry] of folder.entries()) {
        if (entry.kind === 'directory') await visit(entry as FileSystemDirectoryHandle, `${prefix}${name}/`);
        else
          files.push({
            path: prefix + name,
            sizeBytes: (await (entry as FileSystemFileHandle).getFile()).size,
          });
      }
    };
    try {
      await visit(await walk(splitPath(path), false), '');
    } catch (cause) {
      if (!isNotFound(cause) && !isMismatch(cause)) throw cause;
    }
    return files;
  });
}
