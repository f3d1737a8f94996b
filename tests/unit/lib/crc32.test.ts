import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32 } from '../../../src/lib/crc32.ts';

test('has the published check value', () => {
  // CRC-32/ISO-HDLC, https://reveng.sourceforge.io/crc-catalogue/17plus.htm
  expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
  expect(crc32(new Uint8Array(0))).toBe(0);
});

test('equals zlib at any length and offset', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(8), (bytes, offset) => {
      const part = bytes.subarray(Math.min(offset, bytes.byteLength));
      expect(crc32(part)).toBe(zlibCrc32(part));
    }),
  );
});
