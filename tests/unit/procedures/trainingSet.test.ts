import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countReal, mixRealImages } from '../../../src/procedures/trainingSet.ts';

const drawn = (n: number) => Array.from({ length: n }, (_, i) => `drawn ${i}`);
const real = (n: number) => Array.from({ length: n }, (_, i) => `real ${i}`);

describe('real images in a set', () => {
  test('keep its size and take its share, the best first', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 0, max: 40 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 0, max: 1e6 }),
        (size, have, share, seed) => {
          const set = mixRealImages(drawn(size), real(have), { share, seed });
          const taken = Math.min(have, countReal(share, size));
          expect(set).toHaveLength(size);
          expect(set.slice(size - taken)).toEqual(real(taken));
          expect(new Set(set).size).toBe(size);
        },
      ),
    );
  });

  test('leave which drawn ones stay to the seed, in their order', () => {
    const sets = [1, 2].map((seed) => mixRealImages(drawn(20), real(10), { share: 0.5, seed }));
    expect(sets[0]).not.toEqual(sets[1]);
    for (const set of sets) {
      const kept = set.slice(0, 10);
      expect(kept).toEqual(drawn(20).filter((name) => kept.includes(name)));
    }
  });

  test('change nothing where none are asked for', () => {
    expect(mixRealImages(drawn(3), real(3), { share: 0, seed: 1 })).toEqual(drawn(3));
  });
});
