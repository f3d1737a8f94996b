/** The directory at the end of a zip archive (APPNOTE.TXT, sections 4.3.12 to 4.3.16 and 4.5.3). */
import type { ByteSource } from '../lib/bytes.ts';
import { StudioError } from '../lib/errors.ts';

export type ZipEntry = {
  readonly name: string;
  readonly nameBytes: Uint8Array;
  /** 0 stored, 8 deflated. */
  readonly method: number;
  readonly crc32: number;
  readonly compressedBytes: number;
  /** Unpacked. */
  readonly sizeBytes: number;
  /** Of the local header. */
  readonly offset: number;
  /** Where the next entry, or the directory, begins. */
  readonly limit: number;
};

const CENTRAL_ENTRY = 0x02014b50;
const CENTRAL_BYTES = 46;
const LOCAL_BYTES = 30;
const END = 0x06054b50;
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const LOCATOR_64 = 0x07064b50;
const LOCATOR_64_BYTES = 20;
const END_64 = 0x06064b50;
const END_64_BYTES = 56;
const EXTRA_64 = 0x0001;
const METHODS = [0, 8];
const ENCRYPTED = 1;
const MAX_DIRECTORY_BYTES = 64 * 2 ** 20;

type Place = { readonly entries: number; readonly bytes: number; readonly offset: number };

/** All entries in the order of their data. @throws StudioError `zip-unreadable` */
export async function readDirectory(source: ByteSource, maxEntries: number): Promise<readonly ZipEntry[]> {
  const place = await findDirectory(source);
  if (place.entries > maxEntries) {
    throw zipUnreadable(source.name, `it lists ${place.entries} files, and at most ${maxEntries} are read`);
  }
  const inside = place.offset >= 0 && place.offset + place.bytes <= source.sizeBytes;
  if (!inside || place.bytes > MAX_DIRECTORY_BYTES)
    throw zipUnreadable(source.name, 'its directory is misplaced');
  const bytes = await source.read(place.offset, place.bytes);
  const entries: Omit<ZipEntry, 'limit'>[] = [];
  const names = new Set<string>();
  let at = 0;
  for (let i = 0; i < place.entries; i++) {
    const { entry, length } = readEntry(source.name, bytes, at);
    if (names.has(entry.name)) throw zipUnreadable(source.name, `it lists “${entry.name}” twice`);
    names.add(entry.name);
    entries.push(entry);
    at += length;
  }
  return withLimits(source.name, entries, place.offset);
}

/** Refuses entries that share bytes with each other or with the directory. */
function withLimits(
  source: string,
  entries: readonly Omit<ZipEntry, 'limit'>[],
  directory: number,
): readonly ZipEntry[] {
  const ordered = entries.toSorted((a, b) => a.offset - b.offset);
  return ordered.map((entry, i) => {
    const limit = ordered[i + 1]?.offset ?? directory;
    const least = LOCAL_BYTES + entry.nameBytes.length + entry.compressedBytes;
    if (entry.offset + least > limit) throw zipUnreadable(source, `“${entry.name}” overlaps what follows it`);
    return { ...entry, limit };
  });
}

async function findDirectory(source: ByteSource): Promise<Place> {
  const tailBytes = Math.min(source.sizeBytes, END_BYTES + MAX_COMMENT_BYTES + LOCATOR_64_BYTES);
  const tail = await source.read(source.sizeBytes - tailBytes, tailBytes);
  const view = viewOf(tail);
  for (let at = tailBytes - END_BYTES; at >= 0; at--) {
    if (view.getUint32(at, true) !== END) continue;
    // A comment that looks like the record would not end where the file does.
    if (at + END_BYTES + view.getUint16(at + 20, true) !== tailBytes) continue;
    if (at >= LOCATOR_64_BYTES && view.getUint32(at - LOCATOR_64_BYTES, true) === LOCATOR_64) {
      return readEnd64(source, toNumber(view.getBigUint64(at - LOCATOR_64_BYTES + 8, true)));
    }
    if (view.getUint16(at + 4, true) !== 0 || view.getUint16(at + 6, true) !== 0)
      throw zipUnreadable(source.name, 'it is one of several parts');
    return {
      entries: view.getUint16(at + 10, true),
      bytes: view.getUint32(at + 12, true),
      offset: view.getUint32(at + 16, true),
    };
  }
  throw zipUnreadable(source.name, 'it is not a zip file, or cut short');
}

async function readEnd64(source: ByteSource, offset: number): Promise<Place> {
  if (offset + END_64_BYTES > source.sizeBytes)
    throw zipUnreadable(source.name, 'its directory is misplaced');
  const view = viewOf(await source.read(offset, END_64_BYTES));
  if (view.getUint32(0, true) !== END_64) throw zipUnreadable(source.name, 'its directory is misplaced');
  return {
    entries: toNumber(view.getBigUint64(32, true)),
    bytes: toNumber(view.getBigUint64(40, true)),
    offset: toNumber(view.getBigUint64(48, true)),
  };
}

function readEntry(
  source: string,
  bytes: Uint8Array,
  at: number,
): { readonly entry: Omit<ZipEntry, 'limit'>; readonly length: number } {
  const view = viewOf(bytes);
  const complete = at + CENTRAL_BYTES <= bytes.byteLength;
  if (!complete || view.getUint32(at, true) !== CENTRAL_ENTRY)
    throw zipUnreadable(source, 'its directory is damaged');
  const nameLength = view.getUint16(at + 28, true);
  const extraLength = view.getUint16(at + 30, true);
  const length = CENTRAL_BYTES + nameLength + extraLength + view.getUint16(at + 32, true);
  if (at + length > bytes.byteLength) throw zipUnreadable(source, 'its directory is damaged');
  const nameBytes = bytes.slice(at + CENTRAL_BYTES, at + CENTRAL_BYTES + nameLength);
  const name = readName(source, nameBytes);
  const method = view.getUint16(at + 10, true);
  if (view.getUint16(at + 8, true) & ENCRYPTED) throw zipUnreadable(source, `“${name}” is encrypted`);
  if (!METHODS.includes(method)) throw zipUnreadable(source, `“${name}” is compressed in an unusual way`);
  const extraStart = at + CENTRAL_BYTES + nameLength;
  const [sizeBytes, compressedBytes, offset] = widen(
    source,
    [at + 24, at + 20, at + 42].map((place) => view.getUint32(place, true)),
    bytes.subarray(extraStart, extraStart + extraLength),
  ) as [number, number, number];
  const entry = {
    name,
    nameBytes,
    method,
    crc32: view.getUint32(at + 16, true),
    compressedBytes,
    sizeBytes,
    offset,
  };
  return { entry, length };
}

/** Section 4.5.3: what does not fit into 32 bits is all ones there and follows in the extra field, in this order. */
function widen(source: string, values: readonly number[], extra: Uint8Array): number[] {
  if (!values.includes(0xffffffff)) return [...values];
  const view = viewOf(extra);
  for (let at = 0; at + 4 <= extra.byteLength; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== EXTRA_64) continue;
    let next = at + 4;
    const end = Math.min(extra.byteLength, next + view.getUint16(at + 2, true));
    return values.map((value) => {
      if (value !== 0xffffffff) return value;
      if (next + 8 > end) throw zipUnreadable(source, 'its directory is damaged');
      next += 8;
      return toNumber(view.getBigUint64(next - 8, true));
    });
  }
  throw zipUnreadable(source, 'its directory is damaged');
}

/** Names are UTF-8, or ASCII, which is the same. */
function readName(source: string, bytes: Uint8Array): string {
  let name: string;
  try {
    name = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw zipUnreadable(source, 'one of its names is not UTF-8', cause);
  }
  const parts = name.replace(/\/$/, '').split('/');
  const inside = parts.every((part) => part !== '' && part !== '.' && part !== '..');
  if (inside && !/[\\:\0]/.test(name)) return name;
  throw zipUnreadable(source, `the name “${name}” does not stay inside a folder`);
}

/** Sizes beyond 2^53 are no sizes: they fail every comparison with the length of the file. */
function toNumber(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.POSITIVE_INFINITY : Number(value);
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** The refusal of an archive. */
export function zipUnreadable(source: string, problem: string, cause?: unknown): StudioError {
  return new StudioError('zip-unreadable', `${source} cannot be opened: ${problem}.`, {
    remedy: 'Download it again, or pack its files again as an ordinary zip archive.',
    where: source,
    cause,
  });
}
