// Reads the zip files that the page writes: stored entries, no compression (APPNOTE.TXT, sections 4.3.12 and 4.3.7).

import { crc32 } from '../../src/lib/crc32.ts';
import { StudioError } from '../../src/lib/errors.ts';

const LOCAL_ENTRY = 0x04034b50;
const CENTRAL_ENTRY = 0x02014b50;
const END_OF_DIRECTORY = 0x06054b50;
const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;
const STORED = 0;
/** The comment at the end of an archive is at most as long. */
const MAX_COMMENT_BYTES = 0xffff;

/**
 * Every file of the archive by its name; folders are left out. The bytes are views into the archive.
 * @throws StudioError `zip-unreadable` for what is no such archive, is damaged or compressed, or names a file twice
 */
export function readZip(bytes: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const directory = findDirectory(view);
  const files = new Map<string, Uint8Array>();
  let at = directory.offset;
  for (let i = 0; i < directory.entries; i++) {
    assertInside(view, at, CENTRAL_BYTES);
    if (view.getUint32(at, true) !== CENTRAL_ENTRY) throw damaged();
    if (view.getUint16(at + 10, true) !== STORED) throw unreadable('is compressed');
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) =>
      view.getUint16(at + field, true),
    ) as [number, number, number];
    const next = at + CENTRAL_BYTES + nameBytes + extraBytes + commentBytes;
    assertInside(view, at, next - at);
    const name = decodeName(bytes.subarray(at + CENTRAL_BYTES, at + CENTRAL_BYTES + nameBytes));
    const data = dataOf(bytes, view, {
      start: view.getUint32(at + 42, true),
      sizeBytes: view.getUint32(at + 20, true),
      crc: view.getUint32(at + 16, true),
    });
    if (files.has(name)) throw damaged();
    if (!name.endsWith('/')) files.set(name, data);
    at = next;
  }
  return files;
}

/** The record at the end, which a comment may follow. */
function findDirectory(view: DataView): { entries: number; offset: number } {
  const last = view.byteLength - END_BYTES;
  for (let at = last; at >= Math.max(0, last - MAX_COMMENT_BYTES); at--) {
    if (view.getUint32(at, true) !== END_OF_DIRECTORY) continue;
    return { entries: view.getUint16(at + 10, true), offset: view.getUint32(at + 16, true) };
  }
  throw unreadable('is not a zip file');
}

type Stored = { readonly start: number; readonly sizeBytes: number; readonly crc: number };

function dataOf(bytes: Uint8Array, view: DataView, { start, sizeBytes, crc }: Stored): Uint8Array {
  assertInside(view, start, LOCAL_BYTES);
  if (view.getUint32(start, true) !== LOCAL_ENTRY) throw damaged();
  const from = start + LOCAL_BYTES + view.getUint16(start + 26, true) + view.getUint16(start + 28, true);
  assertInside(view, from, sizeBytes);
  const data = bytes.subarray(from, from + sizeBytes);
  if (crc32(data) !== crc) throw damaged();
  return data;
}

function decodeName(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw damaged();
  }
}

function assertInside(view: DataView, offset: number, length: number): void {
  if (offset + length > view.byteLength) throw damaged();
}

function damaged(): StudioError {
  return unreadable('is damaged');
}

function unreadable(problem: string): StudioError {
  return new StudioError('zip-unreadable', `The downloaded set ${problem}.`, {
    remedy: 'Download the set again; the run is kept.',
  });
}
