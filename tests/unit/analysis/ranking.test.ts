import { describe, expect, test } from 'vitest';
import {
  tauOfAll,
  tauOfThree,
  truthOfBest,
  truthOfRandom,
  truthOfTop,
} from '../../../src/analysis/ranking.ts';

describe('agreement of a score with the truth', () => {
  const perfect = { scores: [1, 2, 3, 4, 5], truth: [0, 0.25, 0.5, 0.75, 1] };

  test('is 1 for the same order and -1 for the reverse', () => {
    expect(tauOfAll(perfect)).toBe(1);
    expect(tauOfAll({ ...perfect, scores: [5, 4, 3, 2, 1] })).toBe(-1);
  });

  test('is undefined where all candidates are equally true', () => {
    expect(tauOfAll({ scores: [1, 2, 3], truth: [1, 1, 1] })).toBeNaN();
  });

  test('of ranks first, middle and last looks at three candidates only', () => {
    // Ranked by score: truth 1, 0 (second), 0.5 (middle), 0 (fourth), 0; the second and fourth do not count.
    expect(tauOfThree({ scores: [5, 4, 3, 2, 1], truth: [1, 0, 0.5, 1, 0] })).toBe(1);
    // Of four candidates the middle one is the second: truth 0, 1, 0.5, so one of three pairs agrees.
    expect(tauOfThree({ scores: [4, 3, 2, 1], truth: [0, 1, 0, 0.5] })).toBeCloseTo(-1 / 3);
  });

  test('of the choice: top by score, a random one, the best', () => {
    const ranking = { scores: [2, 7, 7, 1], truth: [1, 0.5, 0, 0.25] };
    expect(truthOfTop(ranking)).toBe(0.5); // the first of equals
    expect(truthOfRandom(ranking)).toBe(0.4375); // 1.75 / 4
    expect(truthOfBest(ranking)).toBe(1);
  });
});
