import { describe, expect, test } from 'vitest';
import { halfToFloat } from '../../../src/lib/half.ts';
import { hashName, seededHalves, seededInput } from '../../../tools/rehearse/seededWeights.ts';

describe('seeded numbers', () => {
  test('hash names with FNV-1a', () => {
    // Landon Curt Noll's test vectors for 32 bits
    expect(hashName('')).toBe(0x811c9dc5);
    expect(hashName('a')).toBe(0xe40c292c);
    expect(hashName('foobar')).toBe(0xbf9cf968);
  });

  test('give the published inputs and weights', () => {
    expect([...seededInput('sample', 3)].map((x) => x.toPrecision(8))).toEqual(
      [0.173143506, 0.98384124, 0.492344797].map((x) => Math.fround(x).toPrecision(8)),
    );
    const halves = seededHalves('conv_in.weight', [320, 4, 3, 3], { from: 0, count: 3 });
    expect([...halves].map(halfToFloat)).toEqual([-0.022567749, -0.153564453, -0.166137695].map(nearestHalf));
  });

  test('are the same in pieces', () => {
    const whole = seededHalves('a.weight', [40, 50], { from: 0, count: 2000 });
    expect(seededHalves('a.weight', [40, 50], { from: 1500, count: 500 })).toEqual(whole.slice(1500));
  });

  test('have the variance of their kind', () => {
    const spread = (name: string, shape: number[]): [number, number] => {
      const values = [...seededHalves(name, shape, { from: 0, count: 20_000 })].map(halfToFloat);
      const mean = values.reduce((a, b) => a + b) / values.length;
      return [mean, Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length)];
    };
    const [mean, deviation] = spread('x.weight', [100, 25, 4, 2]);
    expect(mean).toBeCloseTo(0, 2);
    expect(deviation).toBeCloseTo(0.7 / Math.sqrt(200), 3);
    expect(spread('x.weight', [20_000])[0]).toBeCloseTo(1, 2);
    expect(spread('x.weight', [20_000])[1]).toBeCloseTo(0.1, 2);
    expect(spread('x.bias', [20_000])[1]).toBeCloseTo(0.02, 3);
    expect(() => seededHalves('x.scale', [3], { from: 0, count: 3 })).toThrow('no rule for x.scale');
  });

  test('are rounded once, from the exact value to half', () => {
    // numpy 1.24: (0.7 u / sqrt(320)).astype(float16) of 'a', sum of the bit patterns over all 320 * 320 values
    const halves = seededHalves('a', [320, 320], { from: 0, count: 320 * 320 });
    expect(halves.reduce((sum, bits) => sum + bits, 0)).toBe(2_694_595_807);
  });
});

function nearestHalf(value: number): number {
  const quantum = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 10);
  return Math.round(value / quantum) * quantum;
}
