/**
 * Plain data with typed arrays as bytes under a checksum: what is read back is what was written, to the bit, or it is
 * known to be damaged.
 *
 * Magic (8 bytes), bytes in all u32, bytes of the text u32, JSON text padded to 8 bytes, the arrays one after the other,
 * each padded to 8 bytes, CRC-32 of all before; little-endian. In the text `{"$":["f32",3]}` stands for the next array,
 * of 3 numbers, `{"$":"NaN"}` for a number that JSON has no word for.
 */
import { crc32 } from '../lib/crc32.ts';

const MAGIC = new TextEncoder().encode('MI-DATA\0');
const HEAD_BYTES = 16;
/** Key of what stands for something else; a key of the data that begins with it is written with one more. */
const MARK = '$';

type Block = Float32Array | Int32Array | Uint8Array;
type Kind = 'f32' | 'i32' | 'u8';

/** @param value plain data: null, booleans, numbers, strings, arrays, objects, and Float32, Int32, Uint8 arrays */
export function encodeSealed(value: unknown): Uint8Array<ArrayBuffer> {
  const blocks: Block[] = [];
  const text = new TextEncoder().encode(JSON.stringify(toText(value, blocks)));
  const sizes = blocks.map((block) => padded(block.byteLength));
  const start = HEAD_BYTES + padded(text.byteLength);
  const size = start + sizes.reduce((a, b) => a + b, 0) + 4;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint32(8, size, true);
  view.setUint32(12, text.byteLength, true);
  bytes.set(text, HEAD_BYTES);
  let at = start;
  for (const [i, block] of blocks.entries()) {
    bytes.set(new Uint8Array(block.buffer, block.byteOffset, block.byteLength), at);
    at += sizes[i] as number;
  }
  view.setUint32(size - 4, crc32(bytes.subarray(0, size - 4)), true);
  return bytes;
}

/** @returns bytes of the sealed value that begins here, or null if none does; never throws */
export function sealedBytes(bytes: Uint8Array): number | null {
  if (bytes.byteLength < HEAD_BYTES || MAGIC.some((byte, i) => bytes[i] !== byte)) return null;
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(8, true);
}

/** The value at the start of the bytes, whatever follows it; undefined if it is damaged or none. Never throws. */
export function decodeSealed(bytes: Uint8Array): unknown {
  const size = sealedBytes(bytes);
  if (size === null || size < HEAD_BYTES + 4 || size > bytes.byteLength) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(size - 4, true) !== crc32(bytes.subarray(0, size - 4))) return undefined;
  const textBytes = view.getUint32(12, true);
  if (HEAD_BYTES + padded(textBytes) + 4 > size) return undefined;
  let at = HEAD_BYTES + padded(textBytes);
  const take = (byteLength: number): ArrayBuffer => {
    if (!(byteLength >= 0 && at + byteLength <= size - 4)) throw new RangeError('a block beyond the end');
    const block = bytes.slice(at, at + byteLength).buffer as ArrayBuffer;
    at += padded(byteLength);
    return block;
  };
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(
      bytes.subarray(HEAD_BYTES, HEAD_BYTES + textBytes),
    );
    return fromText(JSON.parse(text), take);
  } catch {
    // Bytes with a right checksum that this program did not write.
    return undefined;
  }
}

/** Checksum of plain data. */
export function checksum(value: unknown): number {
  const bytes = encodeSealed(value);
  return new DataView(bytes.buffer).getUint32(bytes.byteLength - 4, true);
}

function toText(value: unknown, blocks: Block[]): unknown {
  if (typeof value === 'number') {
    return Number.isFinite(value) && !Object.is(value, -0)
      ? value
      : { [MARK]: Object.is(value, -0) ? '-0' : String(value) };
  }
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Float32Array || value instanceof Int32Array || value instanceof Uint8Array) {
    blocks.push(value);
    return { [MARK]: [kindOf(value), value.length] };
  }
  if (Array.isArray(value)) return value.map((item) => toText(item, blocks));
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(
    entries.map(([key, item]) => [key.startsWith(MARK) ? MARK + key : key, toText(item, blocks)]),
  );
}

function fromText(value: unknown, take: (byteLength: number) => ArrayBuffer): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => fromText(item, take));
  if (MARK in value) return fromMark(value[MARK], take);
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key.startsWith(MARK) ? key.slice(MARK.length) : key,
      fromText(item, take),
    ]),
  );
}

function fromMark(mark: unknown, take: (byteLength: number) => ArrayBuffer): unknown {
  if (!Array.isArray(mark)) return Number(mark);
  const [kind, length] = mark as [Kind, number];
  switch (kind) {
    case 'f32':
      return new Float32Array(take(4 * length));
    case 'i32':
      return new Int32Array(take(4 * length));
    case 'u8':
      return new Uint8Array(take(length));
    default:
      throw new RangeError(`no blocks of ${kind satisfies never}`);
  }
}

function kindOf(block: Block): Kind {
  if (block instanceof Float32Array) return 'f32';
  return block instanceof Int32Array ? 'i32' : 'u8';
}

function padded(size: number): number {
  return Math.ceil(size / 8) * 8;
}
