import { type ErrorReport, StudioError } from '../lib/errors.ts';
import type { SyncFile } from './backing.ts';
import {
  decodeHeader,
  decodeRecord,
  encodeHeader,
  headerDifferences,
  MAX_HEADER_BYTES,
  type PoolHeader,
  recordBytes,
} from './poolFormat.ts';
import { readAll, writeAll } from './syncFile.ts';

export type PoolHeaderState = {
  /** Offset of the first record. */
  readonly sizeBytes: number;
  readonly warnings: readonly ErrorReport[];
};

/**
 * Makes sure that a log has the header that is expected of it: writes it into a new file, compares it in an old one,
 * and writes it again where it is damaged but an intact record proves that the rest belongs to it.
 *
 * @throws StudioError `pool-mismatch` or `pool-damaged`; the file is left as it is
 */
export function ensurePoolHeader(path: string, handle: SyncFile, expected: PoolHeader): PoolHeaderState {
  const bytes = encodeHeader(expected);
  const size = handle.getSize();
  const start = new Uint8Array(Math.min(size, MAX_HEADER_BYTES));
  readAll(handle, start, 0);
  const found = decodeHeader(start);
  switch (found.kind) {
    case 'header': {
      const differences = headerDifferences(found.header, expected);
      if (differences.length > 0) throw mismatch(path, differences.join(', '));
      return { sizeBytes: found.sizeBytes, warnings: [] };
    }
    case 'version':
      throw mismatch(path, `format ${found.version}`);
    case 'damaged': {
      // Not even one record long: a crash while the log was being started; there is nothing to lose.
      const isNew = size < bytes.byteLength + recordBytes(expected);
      if (!isNew && !hasRecord(handle, expected, bytes.byteLength)) throw damaged(path);
      writeAll(handle, bytes, 0);
      if (isNew) handle.truncate(bytes.byteLength);
      handle.flush();
      return { sizeBytes: bytes.byteLength, warnings: isNew ? [] : [rebuilt(path)] };
    }
    default:
      return found satisfies never;
  }
}

/** True if an intact record follows, as it would after the expected header. */
function hasRecord(handle: SyncFile, header: PoolHeader, start: number): boolean {
  const bytes = new Uint8Array(recordBytes(header));
  for (let at = start; at + bytes.byteLength <= handle.getSize(); at += bytes.byteLength) {
    readAll(handle, bytes, at);
    if (decodeRecord(header, bytes) !== 'damaged') return true;
  }
  return false;
}

function mismatch(where: string, differs: string): StudioError {
  return new StudioError('pool-mismatch', `The stored images were made with other settings (${differs}).`, {
    remedy: 'Start a new run for the new settings, or delete this one.',
    where,
  });
}

function damaged(where: string): StudioError {
  return new StudioError('pool-damaged', 'The stored images of this run cannot be read.', {
    remedy: 'Delete the run and start it again: with the same settings and seed it gives the same images.',
    where,
  });
}

function rebuilt(where: string): ErrorReport {
  return {
    code: 'pool-header-rebuilt',
    message: 'The start of the stored set was damaged and has been repaired; its images are intact.',
    remedy: 'Nothing to do. If it happens again, check the disk.',
    where,
  };
}
