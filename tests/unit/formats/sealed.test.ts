import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checksum, decodeSealed, encodeSealed, sealedBytes } from '../../../src/formats/sealed.ts';

/** Plain data as runs store it, with everything that JSON has no word for. */
const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.double(),
    fc.string({ unit: 'binary' }),
    fc.float32Array(),
    fc.int32Array(),
    fc.uint8Array(),
    fc.array(tie('value')),
    fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('$', '$$', '$a', '__proto__x')), tie('value'), {
      noNullPrototype: true,
    }),
  ),
})).value;

describe('sealed data', () => {
  test('comes back to the bit', () => {
    fc.assert(
      fc.property(plain, (value) => {
        const bytes = encodeSealed(value);
        expect(decodeSealed(bytes)).toEqual(value);
        expect(sealedBytes(bytes)).toBe(bytes.byteLength);
        expect(checksum(structuredClone(value))).toBe(checksum(value));
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  test('is found by its length in front of other bytes', () => {
    const first = encodeSealed({ step: 3 });
    const both = new Uint8Array([...first, ...encodeSealed([Float32Array.of(1, -0)])]);
    expect(decodeSealed(both)).toEqual({ step: 3 });
    expect(decodeSealed(both.subarray(sealedBytes(both) as number))).toEqual([Float32Array.of(1, -0)]);
  });

  test('with one bit flipped anywhere, or cut anywhere, is damaged', () => {
    const bytes = encodeSealed({ version: 1, name: 'run', m: Float32Array.of(1, 2, 3) });
    for (let at = 0; at < bytes.byteLength; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const flipped = bytes.slice();
        flipped[at] = (flipped[at] as number) ^ (1 << bit);
        expect(decodeSealed(flipped)).toBeUndefined();
      }
      expect(decodeSealed(bytes.subarray(0, at))).toBeUndefined();
    }
  });

  test('of any bytes at all is read or refused, never thrown at', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decodeSealed(bytes)).toBeUndefined();
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});
