/**
 * CRC-32 (reflected polynomial 0xedb88320, as in zlib and PNG), eight bytes at a time: a pool of thousands of latents is
 * checked whenever it is opened. Method: Kounavis and Berry, "Novel table lookup-based algorithms for high-performance
 * CRC generation", 2008 (slicing-by-8).
 */

/** Entry [k * 256 + b]: what byte b leaves when k more bytes, all zero, follow it. */
const TABLES = makeTables();

/** CRC-32 as in zip and PNG, eight bytes at a time. */
export function crc32(bytes: Uint8Array): number {
  const aligned = bytes.byteOffset % 4 === 0;
  const pairs = aligned ? bytes.byteLength >>> 3 : 0;
  let crc = ~0;
  if (pairs > 0) {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, 2 * pairs); // little-endian, as all browsers are
    for (let i = 0; i < words.length; i += 2) {
      const a = (words[i] as number) ^ crc;
      const b = words[i + 1] as number;
      crc =
        at(7, a) ^
        at(6, a >>> 8) ^
        at(5, a >>> 16) ^
        at(4, a >>> 24) ^
        at(3, b) ^
        at(2, b >>> 8) ^
        at(1, b >>> 16) ^
        at(0, b >>> 24);
    }
  }
  for (let i = 8 * pairs; i < bytes.byteLength; i++) crc = at(0, crc ^ (bytes[i] as number)) ^ (crc >>> 8);
  return ~crc >>> 0;
}

function at(table: number, word: number): number {
  return TABLES[(table << 8) | (word & 0xff)] as number;
}

function makeTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++)
      remainder = remainder & 1 ? 0xedb88320 ^ (remainder >>> 1) : remainder >>> 1;
    tables[byte] = remainder;
  }
  for (let i = 256; i < tables.length; i++) {
    const before = tables[i - 256] as number;
    tables[i] = (tables[before & 0xff] as number) ^ (before >>> 8);
  }
  return tables;
}
