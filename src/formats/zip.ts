/**
 * Reads zip archives (APPNOTE.TXT 6.3.10, sections 4.3 to 4.5) from any source of bytes, one entry at a time, so that
 * an archive on a server is read by ranges. Stored and deflated entries, zip64 too; nothing else.
 *
 * Archives come from strangers. Sizes are limited before memory is taken, names must stay inside a folder, entries may
 * not share bytes (the trick of Fifield, "A better zip bomb", WOOT 2019), and what is unpacked must have the size and
 * the checksum that the directory states.
 */
import type { ByteSource } from '../lib/bytes.ts';
import { crc32 } from '../lib/crc32.ts';
import { StudioError } from '../lib/errors.ts';
import { inflate } from '../lib/zlib.ts';
import { readDirectory, type ZipEntry, zipUnreadable } from './zipDirectory.ts';

type ZipLimits = {
  readonly maxEntries: number;
  /** Of one entry, unpacked. */
  readonly maxEntryBytes: number;
};

export type ZipArchive = {
  readonly name: string;
  /** By name, with `/` between folders; folders themselves are left out. */
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /** The unpacked bytes of an entry. @throws StudioError `zip-unreadable`, also for a name that is not there */
  readonly read: (name: string) => Promise<Uint8Array<ArrayBuffer>>;
};

const LOCAL_ENTRY = 0x04034b50;
const LOCAL_BYTES = 30;
const STORED = 0;

/** @throws StudioError `zip-unreadable`, `zip-too-large`, and as the source */
export async function openZip(source: ByteSource, limits: ZipLimits): Promise<ZipArchive> {
  const listed = await readDirectory(source, limits.maxEntries);
  const entries = new Map<string, ZipEntry>();
  for (const entry of listed) {
    if (entry.sizeBytes > limits.maxEntryBytes) throw tooLarge(source.name, entry, limits.maxEntryBytes);
    if (!entry.name.endsWith('/')) entries.set(entry.name, entry);
  }
  return {
    name: source.name,
    entries,
    read: async (name) => {
      const entry = entries.get(name);
      if (entry === undefined) throw zipUnreadable(source.name, `it has no file “${name}”`);
      return readEntry(source, entry);
    },
  };
}

/** Every file of an archive by its name. @throws StudioError as `openZip` */
export async function unzipAll(
  source: ByteSource,
  limits: ZipLimits & { readonly maxTotalBytes: number },
): Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer>>> {
  const archive = await openZip(source, limits);
  const total = [...archive.entries.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (total > limits.maxTotalBytes) {
    throw new StudioError('zip-too-large', `${source.name} holds ${total} bytes, more than are unpacked.`, {
      remedy: `Use an archive of at most ${limits.maxTotalBytes} bytes.`,
      where: source.name,
    });
  }
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const name of archive.entries.keys()) files.set(name, await archive.read(name));
  return files;
}

async function readEntry(source: ByteSource, entry: ZipEntry): Promise<Uint8Array<ArrayBuffer>> {
  const damaged = (problem: string, cause?: unknown) =>
    zipUnreadable(source.name, `${problem} in “${entry.name}”`, cause);
  // Names have the same length in both places, or the entry is refused; the extra field may differ.
  const header = await source.read(entry.offset, LOCAL_BYTES + entry.nameBytes.length);
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const sameName = entry.nameBytes.every((byte, i) => header[LOCAL_BYTES + i] === byte);
  const sameLength = view.getUint16(26, true) === entry.nameBytes.length;
  const sameMethod = view.getUint16(8, true) === entry.method;
  if (view.getUint32(0, true) !== LOCAL_ENTRY || !sameName || !sameLength || !sameMethod)
    throw damaged('header and directory disagree');
  const start = entry.offset + header.byteLength + view.getUint16(28, true);
  if (start + entry.compressedBytes > entry.limit) throw damaged('the data run into the next entry');
  // A copy: what the source hands out may be a view of it.
  const packed = new Uint8Array(await source.read(start, entry.compressedBytes));
  let bytes = packed;
  if (entry.method !== STORED) {
    try {
      bytes = await inflate(packed, entry.sizeBytes, 'deflate-raw');
    } catch (cause) {
      throw damaged('the compressed data are damaged', cause);
    }
  }
  if (bytes.byteLength !== entry.sizeBytes) throw damaged('the size is wrong');
  if (crc32(bytes) !== entry.crc32) throw damaged('the checksum is wrong');
  return bytes;
}

function tooLarge(source: string, { name, sizeBytes }: ZipEntry, maxBytes: number): StudioError {
  return new StudioError('zip-too-large', `“${name}” in ${source} has ${sizeBytes} bytes when unpacked.`, {
    remedy: `Use files of at most ${maxBytes} bytes.`,
    where: `${source}, ${name}`,
  });
}
