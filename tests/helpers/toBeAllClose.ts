// `expect(actual).toBeAllClose(expected, { atol, rtol })`, as numpy.testing.assert_allclose. Import it for its effect.

import { expect } from 'vitest';

type Closeness = {
  /** Bound on |actual - expected|; default 0. */
  readonly atol?: number;
  /** Bound as a share of |expected|, added to `atol`; default 0. */
  readonly rtol?: number;
};

declare module 'vitest' {
  interface Matchers<T> {
    /** Same length, and |actual - expected| <= atol + rtol * |expected| everywhere. NaN equals NaN. */
    toBeAllClose(expected: ArrayLike<number>, closeness?: Closeness): T;
  }
}

expect.extend({
  toBeAllClose(actual: ArrayLike<number>, expected: ArrayLike<number>, closeness: Closeness = {}) {
    const { atol = 0, rtol = 0 } = closeness;
    if (actual.length !== expected.length) {
      return { pass: false, message: () => `has ${actual.length} values, expected ${expected.length}` };
    }
    let outside = 0;
    let worst = { index: 0, excess: Number.NEGATIVE_INFINITY };
    for (let i = 0; i < expected.length; i++) {
      const excess = excessOf(actual[i] as number, expected[i] as number, atol, rtol);
      if (excess > 0) outside += 1;
      if (excess > worst.excess) worst = { index: i, excess };
    }
    const i = worst.index;
    return {
      pass: outside === 0,
      message: () =>
        `${outside} of ${expected.length} values are off by more than ${atol} + ${rtol} * |expected|; ` +
        `the furthest, at ${i}, is ${actual[i]}, expected ${expected[i]}`,
    };
  },
});

/** By how much a value exceeds its bound; 0 or less is inside. */
function excessOf(actual: number, expected: number, atol: number, rtol: number): number {
  if (Object.is(actual, expected) || (Number.isNaN(actual) && Number.isNaN(expected))) return 0;
  const excess = Math.abs(actual - expected) - (atol + rtol * Math.abs(expected));
  return Number.isNaN(excess) ? Number.POSITIVE_INFINITY : excess;
}
