import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normals, uniform } from '../../../src/lib/philox.ts';
import {
  bootstrapInterval,
  kendallTauB,
  mean,
  midranks,
  pairedBootstrap,
  quantile,
  spearmanRho,
  standardError,
  std,
  wilsonInterval,
} from '../../../src/lib/stats.ts';

type KendallCase = { name: string; x: number[]; y: number[]; tau_b: number | null };
const kendall = JSON.parse(readFileSync('tests/golden/kendall.json', 'utf8')) as { cases: KendallCase[] };
const spearman = JSON.parse(readFileSync('tests/golden/spearman.json', 'utf8')) as {
  rho: Record<string, number | null>;
};

const sample = [3.5, -1, 2, 2, 8.25];

describe('summaries', () => {
  it('agree with numpy and scipy', () => {
    // numpy 2.4.6, scipy 1.17.1: np.mean, np.std(ddof=1), scipy.stats.sem, np.quantile of `sample`
    expect(mean(sample)).toBeCloseTo(2.95, 14);
    expect(std(sample)).toBeCloseTo(3.383784863137726, 14);
    expect(standardError(sample)).toBeCloseTo(1.5132745950421556, 14);
    for (const [p, expected] of [
      [0, -1],
      [0.1, 0.2],
      [0.5, 2],
      [0.9, 6.35],
      [1, 8.25],
    ] as const) {
      expect(quantile(sample, p)).toBeCloseTo(expected, 13);
    }
  });

  it('are NaN where there is nothing to say', () => {
    expect([mean([]), std([1]), standardError([]), quantile([], 0.5)]).toEqual([NaN, NaN, NaN, NaN]);
  });
});

describe('kendallTauB', () => {
  it.each(kendall.cases)('agrees with scipy: $name', ({ x, y, tau_b }) => {
    if (tau_b === null) expect(kendallTauB(x, y)).toBeNaN();
    else expect(kendallTauB(x, y)).toBeCloseTo(tau_b, 12);
  });

  it('is 1 with itself, odd under reversal, symmetric, and blind to monotone maps', () => {
    const values = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 2, maxLength: 30 });
    fc.assert(
      fc.property(values, fc.nat(), (x, seed) => {
        fc.pre(new Set(x).size > 1);
        const y = x.map((_, i) => uniform(seed, 0, i));
        expect(kendallTauB(x, x)).toBeCloseTo(1, 12);
        expect(kendallTauB(x, y)).toBe(kendallTauB(y, x));
        expect(
          kendallTauB(
            x,
            y.map((value) => -value),
          ),
        ).toBeCloseTo(-kendallTauB(x, y), 12);
        expect(
          kendallTauB(
            x.map((value) => value ** 3),
            y,
          ),
        ).toBe(kendallTauB(x, y));
      }),
    );
  });

  it('refuses lists of different lengths', () => {
    expect(() => kendallTauB([1, 2], [1])).toThrow(RangeError);
  });
});

describe('spearmanRho', () => {
  it.each(kendall.cases)('agrees with scipy: $name', ({ name, x, y }) => {
    const rho = spearman.rho[name];
    if (rho === null) expect(spearmanRho(x, y)).toBeNaN();
    else expect(spearmanRho(x, y)).toBeCloseTo(rho as number, 12);
  });

  it('is made of ranks whose equals share theirs', () => {
    expect(midranks([3, 1, 3, 0, 3])).toEqual([4, 2, 4, 1, 4]);
    expect(midranks([])).toEqual([]);
  });

  it('refuses lists of different lengths', () => {
    expect(() => spearmanRho([1, 2], [1])).toThrow(RangeError);
  });
});

describe('bootstrap', () => {
  const options = { seed: 11, resamples: 400 };

  it('is reproducible and holds the estimate', () => {
    const interval = bootstrapInterval(sample, mean, options);
    expect(interval).toEqual(bootstrapInterval(sample, mean, options));
    expect(interval.estimate).toBe(mean(sample));
    expect(interval.low).toBeLessThan(interval.estimate);
    expect(interval.high).toBeGreaterThan(interval.estimate);
    expect(bootstrapInterval(sample, mean, { ...options, seed: 12 })).not.toEqual(interval);
  });

  it('has about the width of the normal interval for a mean', () => {
    const values = [...normals(3, 0, 0, 400)];
    const { low, high } = bootstrapInterval(values, mean, { seed: 1, resamples: 1000 });
    expect((high - low) / (2 * 1.96 * standardError(values))).toBeCloseTo(1, 1);
  });

  it('covers the true mean at the stated rate', () => {
    let covered = 0;
    for (let trial = 0; trial < 200; trial++) {
      const { low, high } = bootstrapInterval([...normals(trial, 9, 0, 40)], mean, {
        seed: trial,
        resamples: 200,
      });
      if (low <= 0 && 0 <= high) covered++;
    }
    expect(covered).toBeGreaterThan(174); // 190 expected, five binomial standard deviations are 15.4
  });

  it('uses the pairing', () => {
    const base = [...normals(4, 0, 0, 50)].map((value) => value * 10);
    const shifted = base.map((value, i) => value - 0.5 + 0.1 * uniform(4, 1, i));
    const { estimate, low, high } = pairedBootstrap(shifted, base, options);
    expect(estimate).toBeCloseTo(-0.45, 1);
    expect(high).toBeLessThan(-0.4);
    expect(low).toBeGreaterThan(-0.5);
    expect(() => pairedBootstrap([1], [], options)).toThrow(RangeError);
  });

  it('has no interval without values', () => {
    expect(bootstrapInterval([], mean, options)).toEqual({ estimate: NaN, low: NaN, high: NaN });
  });
});

describe('wilsonInterval', () => {
  // scipy 1.17.1: binomtest(successes, trials).proportion_ci(level, method='wilson')
  it.each([
    [0, 10, 0.95, 0, 0.2775327998628893],
    [10, 10, 0.95, 0.7224672001371109, 1],
    [7, 20, 0.95, 0.1811918241010821, 0.5671457233147637],
    [350, 700, 0.99, 0.4515504727820929, 0.5484495272179071],
  ])('%i of %i at %d', (successes, trials, level, low, high) => {
    const interval = wilsonInterval(successes, trials, level);
    expect(interval.estimate).toBe(successes / trials);
    expect(interval.low).toBeCloseTo(low, 10);
    expect(interval.high).toBeCloseTo(high, 10);
  });
});
