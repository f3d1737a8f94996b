/**
 * Synchronous access to files of the origin private file system: the fast way, in dedicated workers only.
 * https://fs.spec.whatwg.org/#api-filesystemsyncaccesshandle
 */

import type { SyncFile } from './backing.ts';

/** Browsers that do not know `mode` lock the file for themselves, which is the safe reading of it. */
type SyncAccessOptions = { readonly mode: 'readwrite' | 'readwrite-unsafe' | 'read-only' };
type FileHandle = FileSystemFileHandle & {
  createSyncAccessHandle(options: SyncAccessOptions): Promise<FileSystemSyncAccessHandle>;
};

/** Locks the file until the handle is closed. @throws DOMException `NoModificationAllowedError` if it is locked */
export function openForWriting(file: FileSystemFileHandle): Promise<FileSystemSyncAccessHandle> {
  return (file as FileHandle).createSyncAccessHandle({ mode: 'readwrite' });
}

/** Shared with everybody who opens it this way: they keep each other out by names (`fileLock`). */
export function openShared(file: FileSystemFileHandle): Promise<FileSystemSyncAccessHandle> {
  return (file as FileHandle).createSyncAccessHandle({ mode: 'readwrite-unsafe' });
}

/** Shared with other readers. @throws DOMException `NoModificationAllowedError` if the file is locked */
export function openForReading(file: FileSystemFileHandle): Promise<FileSystemSyncAccessHandle> {
  return (file as FileHandle).createSyncAccessHandle({ mode: 'read-only' });
}

/** Writes all of `bytes` at a position. @throws DOMException `QuotaExceededError` when the disk takes no more */
export function writeAll(file: SyncFile, bytes: Uint8Array, at: number): void {
  let written = 0;
  while (written < bytes.byteLength) {
    const count = file.write(bytes.subarray(written) as Uint8Array<ArrayBuffer>, { at: at + written });
    if (count === 0) throw new DOMException('The file takes no more bytes.', 'QuotaExceededError');
    written += count;
  }
}

/** Fills `into` from a position. @throws DOMException `NotReadableError` if the file ends before */
export function readAll(file: SyncFile, into: Uint8Array, at: number): void {
  let read = 0;
  while (read < into.byteLength) {
    const count = file.read(into.subarray(read) as Uint8Array<ArrayBuffer>, { at: at + read });
    if (count === 0) throw new DOMException('The file ends early.', 'NotReadableError');
    read += count;
  }
}
