import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bfloat16sToFloats,
  floatsToHalves,
  floatToHalf,
  halfToFloat,
  halvesToFloats,
} from '../../../src/lib/half.ts';

describe('float16', () => {
  // numpy 2.4.6: hex(np.float16(np.float32(x)).view(np.uint16))
  it.each([
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [0.1, 0x2e66],
    [65504, 0x7bff],
    [65519.99, 0x7bff],
    [65520, 0x7c00],
    [-1e6, 0xfc00],
    [Infinity, 0x7c00],
    [2 ** -14, 0x0400],
    [6.1e-5, 0x03ff],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000], // tie between 0 and the smallest half: even wins
    [2 ** -25 * 1.0001, 0x0001],
    [3 * 2 ** -25, 0x0002],
    [1 + 2 ** -11, 0x3c00], // tie
    [1 + 3 * 2 ** -11, 0x3c02],
    [Number.NaN, 0x7e00],
  ])('%d becomes its nearest half, ties to even', (value, bits) => {
    expect(floatToHalf(value)).toBe(bits);
  });

  it('returns all 65,536 patterns unchanged, except the payload of NaN', () => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const back = floatsToHalves(halvesToFloats(all));
    const isNaNPattern = (bits: number) => (bits & 0x7fff) > 0x7c00;
    expect(back.every((bits, i) => (isNaNPattern(i) ? isNaNPattern(bits) : bits === i))).toBe(true);
  });

  it('never picks a half when a neighbor is nearer', () => {
    fc.assert(
      fc.property(fc.float({ min: -65504, max: 65504, noNaN: true }), (value) => {
        const bits = floatToHalf(value);
        const error = Math.abs(halfToFloat(bits) - value);
        for (const neighbor of [bits - 1, bits + 1].map(halfToFloat)) {
          if (Number.isFinite(neighbor)) expect(Math.abs(neighbor - value)).toBeGreaterThanOrEqual(error);
        }
      }),
    );
  });
});

it('reads bfloat16 as the upper half of a float32', () => {
  const read = bfloat16sToFloats(Uint16Array.of(0x3f80, 0xc049, 0x7f80, 0x0001));
  // 0xc049 = -(1 + 73/128) * 2; the smallest bfloat16 is the float32 2^-149 * 2^16
  expect([...read]).toEqual([1, -3.140625, Infinity, 2 ** -133]);
});
