/** The container of PNG: a signature, then chunks of length, type, data and CRC (PNG specification, section 5). */

import { concatBytes } from '../lib/bytes.ts';
import { crc32 } from '../lib/crc32.ts';
import { StudioError } from '../lib/errors.ts';

export type PngChunk = {
  /** Four letters; a capital first letter means that a reader must understand it. */
  readonly type: string;
  readonly data: Uint8Array;
};

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const CHUNK_OVERHEAD_BYTES = 12;

/**
 * All chunks from IHDR to IEND; the data are views of `bytes`. What follows IEND is ignored.
 * @param name the file, for messages
 * @throws StudioError `png-invalid`
 */
export function readChunks(bytes: Uint8Array, name: string): PngChunk[] {
  if (SIGNATURE.some((byte, i) => bytes[i] !== byte)) throw invalidPng(name, 'it does not start like one');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: PngChunk[] = [];
  let offset = SIGNATURE.length;
  while (chunks.at(-1)?.type !== 'IEND') {
    if (offset + CHUNK_OVERHEAD_BYTES > bytes.length) throw invalidPng(name, 'it is cut short');
    const length = view.getUint32(offset);
    const end = offset + 8 + length;
    if (end + 4 > bytes.length) throw invalidPng(name, 'it is cut short');
    const type = String.fromCharCode(...bytes.subarray(offset + 4, offset + 8));
    if (!/^[A-Za-z]{4}$/.test(type)) throw invalidPng(name, `there is no chunk at byte ${offset}`);
    if (view.getUint32(end) !== crc32(bytes.subarray(offset + 4, end))) {
      throw invalidPng(name, `the checksum of its ${type} chunk is wrong`);
    }
    if ((type === 'IHDR') !== (chunks.length === 0))
      throw invalidPng(name, 'its header is not in first place');
    chunks.push({ type, data: bytes.subarray(offset + 8, end) });
    offset = end + 4;
  }
  return chunks;
}

/** A PNG file of these chunks, checksums included. */
export function writeChunks(chunks: readonly PngChunk[]): Uint8Array<ArrayBuffer> {
  return concatBytes([SIGNATURE, ...chunks.map(encodeChunk)]);
}

/** The refusal of a PNG file. */
export function invalidPng(name: string, problem: string, cause?: unknown): StudioError {
  return new StudioError('png-invalid', `${name} is not a usable PNG image: ${problem}.`, {
    remedy: 'Open it in an image editor and save it again as an 8-bit PNG without interlacing.',
    where: name,
    cause,
  });
}

function encodeChunk({ type, data }: PngChunk): Uint8Array {
  const bytes = new Uint8Array(CHUNK_OVERHEAD_BYTES + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = type.charCodeAt(i);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}
