import { expect, test } from 'vitest';
import { stratified } from '../../../src/procedures/evaluate.ts';
import { errorsByDraw, middleTimesteps } from '../../../src/procedures/measureSet.ts';

test('timesteps lie in the middles of equal parts', () => {
  expect(middleTimesteps(1000, 5)).toEqual([100, 300, 500, 700, 900]);
  expect(middleTimesteps(1000, 8)).toEqual([62, 187, 312, 437, 562, 687, 812, 937]);
  expect(middleTimesteps(10, 1)).toEqual([5]);
});

test('errors are averaged over images and elements, draw by draw', () => {
  const image = (...errors: number[]) =>
    errors.map((condError, draw) => ({ t: 500, draw, squaredDifference: 0, uncondError: 0, condError }));
  expect(errorsByDraw([image(8, 4), image(16, 12)], 4)).toEqual([3, 2]);
  expect(errorsByDraw([], 4)).toEqual([]);
});

test('an interval over strata counts the spread within them alone', () => {
  // Strata {1, 3} and {101, 103}: means 2 and 102, variance 2 each, of the center (2/2 + 2/2) / 4 = 0.5.
  const { mean, low, high } = stratified([1, 101, 3, 103], [7, 9, 7, 9]);
  expect(mean).toBe(52);
  expect(high - mean).toBeCloseTo(1.96 * Math.sqrt(0.5), 10);
  expect(mean - low).toBeCloseTo(high - mean, 10);
});
