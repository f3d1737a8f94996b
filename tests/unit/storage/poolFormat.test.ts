import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeHeader,
  decodeRecord,
  encodeHeader,
  encodeNothing,
  encodeRecords,
  headerDifferences,
  MAX_HEADER_BYTES,
  type PoolHeader,
  recordBytes,
} from '../../../src/storage/poolFormat.ts';

const headers = fc.record({
  latentSize: fc.nat(64),
  timesteps: fc.array(fc.double({ noNaN: true }), { maxLength: 8 }),
  source: fc.string({ unit: 'binary', maxLength: 40 }),
});
const u32 = fc.integer({ min: 0, max: 0xffff_fffe });

describe('the header', () => {
  test('comes back as it was written, whatever follows', () => {
    fc.assert(
      fc.property(headers, fc.uint8Array({ maxLength: 20 }), (header, rest) => {
        const bytes = encodeHeader(header);
        const reading = decodeHeader(Uint8Array.of(...bytes, ...rest));
        expect(reading).toEqual({ kind: 'header', header, sizeBytes: bytes.byteLength });
        expect(bytes.byteLength % 4).toBe(0);
      }),
    );
  });

  test('with any byte changed is not read as a header', () => {
    fc.assert(
      fc.property(headers, fc.nat(), fc.integer({ min: 1, max: 255 }), (header, place, mask) => {
        const bytes = encodeHeader(header);
        const at = place % bytes.byteLength;
        bytes[at] = (bytes[at] as number) ^ mask;
        // Padding after the source is covered by the checksum as well.
        expect(decodeHeader(bytes).kind).toBe('damaged');
      }),
    );
  });

  test('cut short at any byte is not read as a header', () => {
    const bytes = encodeHeader({ latentSize: 3, timesteps: [1, 2], source: 'ä' });
    for (let length = 0; length < bytes.byteLength; length++) {
      expect(decodeHeader(bytes.subarray(0, length)).kind).toBe('damaged');
    }
  });

  test('survives arbitrary bytes, also behind the magic', () => {
    const magic = [...new TextEncoder().encode('MI-POOL\0')];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, withMagic) => {
        const input = withMagic ? Uint8Array.of(...magic, ...bytes) : bytes;
        expect(decodeHeader(input).kind).toBe('damaged');
      }),
    );
  });

  test('tells another version of the format', () => {
    // As encodeHeader makes it, with version 2 at byte 8 and its checksum: zlib.crc32(b'MI-POOL\\0' + struct.pack('<IIIII', 2, 32, 0, 0, 0)) in Python.
    const bytes = encodeHeader({ latentSize: 0, timesteps: [], source: '' });
    expect(bytes.byteLength).toBe(32);
    bytes[8] = 2;
    new DataView(bytes.buffer).setUint32(28, 0x597e0ed7, true);
    expect(decodeHeader(bytes)).toEqual({ kind: 'version', version: 2 });
  });

  test('has a limit', () => {
    const source = 'x'.repeat(MAX_HEADER_BYTES);
    expect(() => encodeHeader({ latentSize: 1, timesteps: [], source })).toThrow(RangeError);
  });

  test('names what differs', () => {
    const header: PoolHeader = { latentSize: 4, timesteps: [3, 1], source: 'a' };
    expect(headerDifferences(header, { ...header, timesteps: [3, 1] })).toEqual([]);
    expect(headerDifferences(header, { latentSize: 5, timesteps: [3], source: 'b' })).toEqual([
      'latent size',
      'timesteps',
      'source',
    ]);
  });
});

describe('a record', () => {
  const header: PoolHeader = { latentSize: 3, timesteps: [9, 5], source: '' };
  const records = fc.record({
    prompt: u32,
    candidate: u32,
    seed: fc.maxSafeInteger(),
    trace: fc.float32Array({ minLength: 2, maxLength: 2 }),
    latent: fc.float32Array({ minLength: 3, maxLength: 3 }),
  });

  test('comes back as it was written, to the bit', () => {
    fc.assert(
      fc.property(fc.array(records, { minLength: 1, maxLength: 4 }), (written) => {
        const bytes = encodeRecords(header, written);
        const size = recordBytes(header);
        expect(bytes.byteLength).toBe(written.length * size);
        expect(written.map((_, i) => decodeRecord(header, bytes.subarray(i * size, (i + 1) * size)))).toEqual(
          written,
        );
      }),
    );
  });

  test('has the layout that the format describes', () => {
    const bytes = encodeRecords(header, [
      { prompt: 1, candidate: 2, seed: 3, trace: Float32Array.of(1, 2), latent: Float32Array.of(0, -1, 0.5) },
    ]);
    // struct.pack('<IId5f', 1, 2, 3.0, 1, 2, 0, -1, .5), then struct.pack('<I', zlib.crc32(that)), Python 3
    expect(hex(bytes)).toBe(
      '010000000200000000000000000008400000803f0000004000000000000080bf0000003ffc49765c',
    );
  });

  test('with any byte changed is damaged', () => {
    fc.assert(
      fc.property(records, fc.nat(), fc.integer({ min: 1, max: 255 }), (record, place, mask) => {
        const bytes = encodeRecords(header, [record]);
        const at = place % bytes.byteLength;
        bytes[at] = (bytes[at] as number) ^ mask;
        expect(decodeRecord(header, bytes)).toBe('damaged');
      }),
    );
  });

  test('of zeros is damaged, and an empty place is not', () => {
    expect(decodeRecord(header, new Uint8Array(recordBytes(header)))).toBe('damaged');
    expect(decodeRecord(header, encodeNothing(header))).toBeNull();
  });
});

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
