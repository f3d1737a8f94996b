/**
 * Bytes of a pool log: a header, then records that all have the same size. Little-endian, as every machine that runs
 * browsers is.
 *
 * Header: magic (8 bytes), version u32, header bytes u32, latent size u32, steps u32, timesteps f64[steps],
 * source length u32, source (UTF-8, padded to 4 bytes), CRC-32 of all before.
 * Record: prompt u32, candidate u32, seed f64, trace f32[steps], latent f32[latent size], CRC-32 of all before.
 */
import { crc32 } from '../lib/crc32.ts';

/** What all candidates of one log have in common. */
export type PoolHeader = {
  /** Numbers in one latent. */
  readonly latentSize: number;
  /** Network timesteps that a trace has one term for. */
  readonly timesteps: readonly number[];
  /** Whatever else decides what a candidate is (model, guidance, seeds, ...), as well-formed text such as JSON; compared literally. */
  readonly source: string;
};

/** One image before decoding: how it was drawn, how it scored at each step, and what came out. */
export type PoolRecord = {
  /** Index into the run's prompt list. */
  readonly prompt: number;
  readonly candidate: number;
  readonly seed: number;
  /** Squared difference at each of the header's timesteps. */
  readonly trace: Float32Array;
  readonly latent: Float32Array;
};

type HeaderReading =
  | { readonly kind: 'header'; readonly header: PoolHeader; readonly sizeBytes: number }
  | { readonly kind: 'version'; readonly version: number }
  | { readonly kind: 'damaged' };

const MAGIC = new TextEncoder().encode('MI-POOL\0');
const VERSION = 1;
const FIXED_BYTES = 24;
const RECORD_FIXED_BYTES = 20;
/** Bytes to read for `decodeHeader` to see any header whole. */
export const MAX_HEADER_BYTES = 2 ** 20;
/** Prompt and candidate of a place that holds nothing: damage was found there and reported. */
const NOTHING = 0xffff_ffff;

export function recordBytes(header: PoolHeader): number {
  return RECORD_FIXED_BYTES + 4 * (header.timesteps.length + header.latentSize);
}

/** @throws RangeError if the header would be larger than `MAX_HEADER_BYTES` */
export function encodeHeader(header: PoolHeader): Uint8Array<ArrayBuffer> {
  const source = new TextEncoder().encode(header.source);
  const steps = header.timesteps.length;
  const size = FIXED_BYTES + 8 * steps + 4 + roundUp(source.byteLength) + 4;
  if (size > MAX_HEADER_BYTES) throw new RangeError(`a pool header of ${size} bytes`);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC, 0);
  for (const [i, value] of [VERSION, size, header.latentSize, steps].entries())
    view.setUint32(8 + 4 * i, value, true);
  for (const [i, t] of header.timesteps.entries()) view.setFloat64(FIXED_BYTES + 8 * i, t, true);
  const end = FIXED_BYTES + 8 * steps;
  view.setUint32(end, source.byteLength, true);
  bytes.set(source, end + 4);
  seal(bytes);
  return bytes;
}

/** @param bytes the start of a file, `MAX_HEADER_BYTES` of it or all; never throws */
export function decodeHeader(bytes: Uint8Array): HeaderReading {
  const damaged = { kind: 'damaged' } as const;
  if (bytes.byteLength < FIXED_BYTES + 8 || MAGIC.some((byte, i) => bytes[i] !== byte)) return damaged;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sizeBytes = view.getUint32(12, true);
  if (sizeBytes < FIXED_BYTES + 8 || sizeBytes > bytes.byteLength) return damaged;
  if (!isSealed(bytes.subarray(0, sizeBytes))) return damaged;
  const version = view.getUint32(8, true);
  if (version !== VERSION) return { kind: 'version', version };
  const steps = view.getUint32(20, true);
  const end = FIXED_BYTES + 8 * steps;
  if (end + 8 > sizeBytes) return damaged;
  const length = view.getUint32(end, true);
  if (end + 8 + roundUp(length) !== sizeBytes) return damaged;
  const header = {
    latentSize: view.getUint32(16, true),
    timesteps: Array.from({ length: steps }, (_, i) => view.getFloat64(FIXED_BYTES + 8 * i, true)),
    source: new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(end + 4, end + 4 + length)),
  };
  return { kind: 'header', header, sizeBytes };
}

/** The records one after the other. @throws RangeError for a record that does not fit the header */
export function encodeRecords(header: PoolHeader, records: readonly PoolRecord[]): Uint8Array<ArrayBuffer> {
  const size = recordBytes(header);
  const steps = header.timesteps.length;
  const bytes = new Uint8Array(size * records.length);
  for (const [i, record] of records.entries()) {
    checkRecord(header, record);
    const at = i * size;
    const view = new DataView(bytes.buffer, at, size);
    view.setUint32(0, record.prompt, true);
    view.setUint32(4, record.candidate, true);
    view.setFloat64(8, record.seed, true);
    const numbers = new Float32Array(bytes.buffer, at + 16, steps + header.latentSize);
    numbers.set(record.trace);
    numbers.set(record.latent, steps);
    seal(bytes.subarray(at, at + size));
  }
  return bytes;
}

/** A record that says that its place holds nothing. */
export function encodeNothing(header: PoolHeader): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(recordBytes(header)).fill(0xff, 0, 8);
  seal(bytes);
  return bytes;
}

/**
 * @param bytes one record, at an offset of its buffer that 4 divides; the result shares its memory
 * @returns the record, or null for a place that holds nothing, or `damaged`
 */
export function decodeRecord(
  header: PoolHeader,
  bytes: Uint8Array<ArrayBuffer>,
): PoolRecord | null | 'damaged' {
  if (bytes.byteLength !== recordBytes(header) || !isSealed(bytes)) return 'damaged';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const prompt = view.getUint32(0, true);
  const candidate = view.getUint32(4, true);
  if (prompt === NOTHING && candidate === NOTHING) return null;
  const steps = header.timesteps.length;
  const numbers = new Float32Array(bytes.buffer, bytes.byteOffset + 16, steps + header.latentSize);
  return {
    prompt,
    candidate,
    seed: view.getFloat64(8, true),
    trace: numbers.subarray(0, steps),
    latent: numbers.subarray(steps),
  };
}

/** Names of what differs between two headers; empty if candidates of both belong together. */
export function headerDifferences(a: PoolHeader, b: PoolHeader): string[] {
  const sameTimesteps =
    a.timesteps.length === b.timesteps.length && a.timesteps.every((t, i) => Object.is(t, b.timesteps[i]));
  return [
    ...(a.latentSize === b.latentSize ? [] : ['latent size']),
    ...(sameTimesteps ? [] : ['timesteps']),
    ...(a.source === b.source ? [] : ['source']),
  ];
}

function checkRecord({ latentSize, timesteps }: PoolHeader, record: PoolRecord): void {
  const isIndex = (value: number) => Number.isInteger(value) && value >= 0 && value < NOTHING;
  const fits =
    isIndex(record.prompt) &&
    isIndex(record.candidate) &&
    record.trace.length === timesteps.length &&
    record.latent.length === latentSize;
  if (!fits)
    throw new RangeError(`candidate ${record.candidate} of prompt ${record.prompt} does not fit the pool`);
}

/** Puts the checksum of all but the last four bytes into these. */
function seal(bytes: Uint8Array): void {
  const end = bytes.byteLength - 4;
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(end, crc32(bytes.subarray(0, end)), true);
}

function isSealed(bytes: Uint8Array): boolean {
  const end = bytes.byteLength - 4;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(end, true) === crc32(bytes.subarray(0, end));
}

function roundUp(size: number): number {
  return Math.ceil(size / 4) * 4;
}
