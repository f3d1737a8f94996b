import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  normals,
  philox4x32,
  shuffle,
  torchCudaRandn,
  uniform,
  uniformInt,
} from '../../../src/lib/philox.ts';

const safe = fc.maxSafeNat();

describe('philox4x32', () => {
  // Random123 (the authors' library), tests/kat_vectors, "philox4x32 10"
  it.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ] as const)('known answer for counter %j', (counter, key, expected) => {
    expect(philox4x32(counter, key)).toEqual(expected);
  });

  it('agrees with 64-bit arithmetic', () => {
    const MASK = 0xffffffffn;
    const word = fc.integer({ min: 0, max: 0xffffffff });
    fc.assert(
      fc.property(fc.tuple(word, word, word, word), fc.tuple(word, word), (counter, key) => {
        let [a, b, c, d] = counter.map(BigInt) as [bigint, bigint, bigint, bigint];
        let [k, l] = key.map(BigInt) as [bigint, bigint];
        for (let round = 0; round < 10; round++) {
          const p = 0xd2511f53n * a;
          const q = 0xcd9e8d57n * c;
          [a, b, c, d] = [(q >> 32n) ^ b ^ k, q & MASK, (p >> 32n) ^ d ^ l, p & MASK];
          [k, l] = [(k + 0x9e3779b9n) & MASK, (l + 0xbb67ae85n) & MASK];
        }
        expect(philox4x32(counter, key)).toEqual([a, b, c, d].map(Number));
      }),
    );
  });
});

describe('torchCudaRandn', () => {
  it('matches the numbers of stable-diffusion-webui', () => {
    // AUTOMATIC1111/stable-diffusion-webui, modules/rng_philox.py, docstring: Generator(seed=0).randn((3, 4))
    const expected = [
      -0.92466259, -0.42534415, -2.6438457, 0.14518388, -0.12086647, -0.57972564, -0.62285122, -0.32838709,
      -1.07454231, -0.36314407, -1.67105067, 2.26550497,
    ];
    for (const [i, value] of torchCudaRandn(0, 0, 12).entries())
      expect(value).toBeCloseTo(expected[i] ?? NaN, 6);
  });

  // Printed by GPUs (4 decimals) after torch.manual_seed(seed). Seed 0: torch.randn of (8, 8), device='cuda', first
  // rows. Seed 42: `logits` in the documentation of flashinfer.logits_processor; then the following torch.randn(4).
  it.each([
    [0, 0, [-0.9247, -0.4253, -2.6438, 0.1452, -0.1209, -0.5797, -0.6229, -0.3284]],
    [42, 0, [0.194, 2.1614, -0.1721, 0.8491, -1.9244, 0.653, -0.6494, -0.8175, 0.528, -1.2753]],
    [42, 1, [0.1391, -0.1082, -0.7174, 0.7566]],
    [42, 2, [-0.5187, 1.2268, 0.6255, -0.9117]],
    [42, 3, [-0.6974, -1.8688, -0.8832, -1.6627]],
  ])('matches a GPU: seed %i, draw %i', (seed, draw, expected) => {
    for (const [i, value] of torchCudaRandn(seed, draw, expected.length).entries()) {
      expect(Math.abs(value - (expected[i] ?? NaN))).toBeLessThan(0.6e-4);
    }
  });

  it('is prefix-stable, finite, and different for every seed, draw and high seed word', () => {
    fc.assert(
      fc.property(safe, fc.nat(1000), (seed, draw) => {
        const long = torchCudaRandn(seed, draw, 8);
        expect(long.subarray(0, 3)).toEqual(torchCudaRandn(seed, draw, 3));
        expect(long.every(Number.isFinite)).toBe(true);
        expect(torchCudaRandn(seed, draw + 1, 8)).not.toEqual(long);
        expect(torchCudaRandn((seed + 2 ** 32) % 2 ** 53, draw, 8)).not.toEqual(long);
      }),
    );
  });

  it('is a standard normal', () => {
    const values = torchCudaRandn(7, 0, 65536);
    const moment = (power: number) => values.reduce((sum, x) => sum + x ** power, 0) / values.length;
    // five standard errors: sqrt(Var(x^p) / n) with Var = 1, 2, 15, 96
    expect(Math.abs(moment(1))).toBeLessThan(5 * Math.sqrt(1 / 65536));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / 65536));
    expect(Math.abs(moment(3))).toBeLessThan(5 * Math.sqrt(15 / 65536));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(5 * Math.sqrt(96 / 65536));
  });

  it('refuses seeds that a double cannot hold', () => {
    for (const seed of [-1, 0.5, 2 ** 53, Number.NaN]) {
      expect(() => torchCudaRandn(seed, 0, 1)).toThrow(expect.objectContaining({ code: 'seed-invalid' }));
    }
  });
});

describe('choices', () => {
  it('are in range and pure', () => {
    fc.assert(
      fc.property(safe, fc.nat(), safe, fc.integer({ min: 1, max: 1e6 }), (seed, stream, counter, n) => {
        const u = uniform(seed, stream, counter);
        expect(u).toBeGreaterThanOrEqual(0);
        expect(u).toBeLessThan(1);
        expect(uniform(seed, stream, counter)).toBe(u);
        expect(uniformInt(seed, stream, counter, n)).toBe(Math.floor(u * n));
      }),
    );
  });

  it('fill [0, 1) evenly', () => {
    const bins = new Array<number>(16).fill(0);
    for (let i = 0; i < 16000; i++) {
      const bin = uniformInt(1, 2, i, 16);
      bins[bin] = (bins[bin] ?? 0) + 1;
    }
    const chiSquared = bins.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chiSquared).toBeLessThan(37.7); // the 99.9% quantile of chi-squared with 15 degrees of freedom
  });

  it('give normals that depend on the counter alone, not on the request', () => {
    expect(normals(5, 1, 10, 4).subarray(2)).toEqual(normals(5, 1, 12, 2));
    expect(normals(5, 1, 0, 8)).not.toEqual(normals(5, 2, 0, 8));
    expect(normals(5, 0, 0, 8)).not.toEqual(torchCudaRandn(5, 0, 8));
  });

  it('shuffle into a permutation, each first element equally often', () => {
    fc.assert(
      fc.property(safe, fc.nat(50), (seed, n) => {
        expect(shuffle(seed, 0, n).toSorted((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
      }),
    );
    const firsts = [0, 0, 0, 0];
    for (let seed = 0; seed < 4000; seed++) {
      const [first = 0] = shuffle(seed, 3, 4);
      firsts[first] = (firsts[first] ?? 0) + 1;
    }
    const chiSquared = firsts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chiSquared).toBeLessThan(16.3); // the 99.9% quantile of chi-squared with 3 degrees of freedom
  });
});
