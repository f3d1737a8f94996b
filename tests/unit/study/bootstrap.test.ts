import { describe, expect, test } from 'vitest';
import { summarize, summarizeDifference } from '../../../src/analysis/summary.ts';
import { crossedBootstrap, findingOf } from '../../../tools/study/analysis/bootstrap.ts';

describe('summaries over prompts', () => {
  test('leave out prompts without a value and say how many are left', () => {
    const { estimate, low, high, count } = summarize([1, Number.NaN, 2, 3, 4]);
    expect([estimate, count]).toEqual([2.5, 4]);
    expect(low).toBeLessThan(2.5);
    expect(high).toBeGreaterThan(2.5);
  });

  test('have no interval below four prompts', () => {
    const { estimate, low, count } = summarize([0.5, 0.5, 0.5]);
    expect([estimate, low, count]).toEqual([0.5, Number.NaN, 3]);
  });

  test('of differences pair up prompts', () => {
    const a = [1, 2, 3, 4, 5, 6];
    const shifted = a.map((value) => value - 0.5);
    expect(summarizeDifference(a, shifted)).toEqual({ estimate: 0.5, low: 0.5, high: 0.5, count: 6 });
  });
});

describe('the interval over seeds and prompts', () => {
  test('has width from seeds alone, which an interval over all numbers would hide', () => {
    // Seed 1 gives 0 for every prompt, seed 2 gives 1: half of all resamples of two seeds are 0.5, a quarter 0 or 1.
    const table = [new Array(50).fill(0), new Array(50).fill(1)];
    expect(crossedBootstrap(table)).toEqual({ estimate: 0.5, low: 0, high: 1 });
  });

  test('with one seed is the interval over prompts', () => {
    const { estimate, low, high } = crossedBootstrap([Array.from({ length: 100 }, (_, i) => i % 2)]);
    expect(estimate).toBe(0.5);
    // Standard error 0.05, so about 0.5 -+ 0.098.
    expect(low).toBeGreaterThan(0.37);
    expect(high).toBeLessThan(0.63);
  });

  test('does not exist without numbers', () => {
    expect(crossedBootstrap([]).estimate).toBeNaN();
  });
});

test('a finding needs an interval on one side of 0', () => {
  expect(findingOf({ low: 0.1, high: 0.2 })).toBe('positive');
  expect(findingOf({ low: -0.2, high: -0.1 })).toBe('negative');
  expect(findingOf({ low: -0.1, high: 0.1 })).toBe('open');
  expect(findingOf({ low: Number.NaN, high: Number.NaN })).toBe('none');
});
