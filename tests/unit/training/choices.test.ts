import { describe, expect, test } from 'vitest';
import { isBetter } from '../../../src/training/checkpoint.ts';
import { learningRateAt } from '../../../src/training/optimizer.ts';

describe('the better checkpoint', () => {
  const best = { errors: [1, 2, 3, 4], mi: 5 };

  test('is the first, when there is none', () => {
    expect(isBetter({ errors: [9], mi: 0 }, null)).toBe(true);
  });

  test('has the lower error on common draws', () => {
    expect(isBetter({ errors: [0.9, 1.9, 2.9, 3.9], mi: 0 }, best)).toBe(true);
    expect(isBetter({ errors: [1.1, 2.1, 3.1, 4.1], mi: 9 }, best)).toBe(false);
  });

  test('has the higher MI where the errors cannot be told apart', () => {
    // Falls of +1 and -0.9 by turns: mean 0.05, standard error 0.55.
    const errors = [0, 2.9, 2, 4.9];
    expect(isBetter({ errors, mi: 6 }, best)).toBe(true);
    expect(isBetter({ errors, mi: 4 }, best)).toBe(false);
  });

  test('is never one whose errors are not numbers', () => {
    expect(isBetter({ errors: [Number.NaN, 1, 1, 1], mi: 9 }, best)).toBe(false);
  });

  test('is not the same one again', () => {
    expect(isBetter(best, best)).toBe(false);
  });
});

test('the learning rate warms up linearly and stays', () => {
  const rate = (step: number, warmup: number) => learningRateAt(step, { learningRate: 1e-4, warmup });
  expect([0, 1, 2, 3, 4, 100].map((step) => Math.round(rate(step, 4) * 1e6))).toEqual([
    25, 50, 75, 100, 100, 100,
  ]);
  expect([0, 1, 50].map((step) => rate(step, 0))).toEqual([1e-4, 1e-4, 1e-4]);
  expect(rate(0, 1)).toBe(1e-4);
});
