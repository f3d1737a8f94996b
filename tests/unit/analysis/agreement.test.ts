import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  agreementOf,
  disagreements,
  type PoolScore,
  pairScores,
  rankPairs,
  standardized,
} from '../../../src/analysis/agreement.ts';
import { tauOfThree } from '../../../src/analysis/ranking.ts';

type Golden = {
  mean_over_defined: number;
  defined: number;
  cases: { id: number; mi: number[]; metric: number[]; tau_b: number | null }[];
};
const golden = JSON.parse(readFileSync('tests/golden/kendallPerPrompt.json', 'utf8')) as Golden;

function score(name: string, rows: readonly (readonly number[])[]): PoolScore {
  return {
    name,
    values: rows.flatMap((row, prompt) => row.map((value, candidate) => ({ prompt, candidate, value }))),
  };
}

describe('tau over ranks 1, 25 and 50', () => {
  // 47 candidates fill the ranks between the three, so that the three have to be found.
  const pool = golden.cases.map(({ mi, metric }) => {
    const [top = 0, middle = 0, last = 0] = mi;
    const between = (from: number, to: number, count: number) =>
      Array.from({ length: count }, (_, i) => from + ((to - from) * (i + 1)) / (count + 1));
    const scores = [last, ...between(top, middle, 23), middle, ...between(middle, last, 24), top];
    const others = new Array(23).fill(7) as number[];
    const [a = 0, b = 0, c = 0] = metric;
    return { scores, truth: [c, ...others, b, ...others, 7, a] };
  });

  it('agrees with scipy prompt by prompt', () => {
    for (const [i, { tau_b }] of golden.cases.entries()) {
      const found = tauOfThree(pool[i] as (typeof pool)[number]);
      if (tau_b === null) expect(found).toBeNaN();
      else expect(found).toBeCloseTo(tau_b, 12);
    }
  });

  it('and in the mean over prompts that have one', () => {
    const mi = score(
      'MI',
      pool.map(({ scores }) => scores),
    );
    const metric = score(
      'metric',
      pool.map(({ truth }) => truth),
    );
    const found = agreementOf(pairScores(mi, metric));
    expect(found.prompts).toBe(golden.cases.length);
    expect(found.candidates).toBe(50 * golden.cases.length);
    expect(found.tauOfThree.count).toBe(golden.defined);
    expect(found.tauOfThree.estimate).toBeCloseTo(golden.mean_over_defined, 12);
    expect(found.tauOfThree.low).toBeLessThan(golden.mean_over_defined);
    expect(found.tauOfThree.high).toBeGreaterThan(golden.mean_over_defined);
  });
});

const rows = fc.integer({ min: 2, max: 7 }).chain((candidates) =>
  fc.array(fc.array(fc.integer({ min: -3, max: 3 }), { minLength: candidates, maxLength: candidates }), {
    minLength: 4,
    maxLength: 6,
  }),
);

describe('two scores of a pool', () => {
  it('of which one is the other agree wholly, turned around not at all', () =>
    fc.assert(
      fc.property(rows, (values) => {
        const a = score('a', values);
        const same = agreementOf(pairScores(a, score('b', values)));
        if (same.tau.count > 0) {
          expect(same.tau.estimate).toBeCloseTo(1, 12);
          expect(same.rho.estimate).toBeCloseTo(1, 12);
        }
        expect(same.gain.estimate).toBeCloseTo(same.bestGain.estimate, 12);
        const turned = score(
          'c',
          values.map((row) => row.map((value) => -value)),
        );
        const opposite = agreementOf(pairScores(a, turned));
        if (opposite.tau.count > 0) expect(opposite.tau.estimate).toBeCloseTo(-1, 12);
      }),
      { seed: 3, numRuns: 100 },
    ));

  it('do not depend on the order of their values', () =>
    fc.assert(
      fc.property(rows, rows, fc.infiniteStream(fc.nat()), (x, y, order) => {
        const [a, b] = [score('a', x), score('b', y)];
        const keys = new Map(a.values.map((value) => [value, order.next().value as number]));
        const mixed = { ...a, values: a.values.toSorted((u, v) => (keys.get(u) ?? 0) - (keys.get(v) ?? 0)) };
        expect(pairScores(mixed, b)).toEqual(pairScores(a, b));
      }),
      { seed: 4, numRuns: 100 },
    ));

  it('are compared where both have a number', () => {
    const a = score('a', [
      [1, 2, Number.NaN, 4],
      [1, 2],
    ]);
    const b = score('b', [[4, Number.POSITIVE_INFINITY, 3, 1, 9], [5]]);
    expect(pairScores(a, b)).toEqual([{ prompt: 0, candidates: [0, 3], scores: [1, 4], truth: [4, 1] }]);
  });

  it('gain by their favorites what the second says of them', () => {
    // Favorites 3 and 1; against means 2 and 2: (4 - 2 + 0 - 2) / 2 = 0. The best choice gains (4 - 2 + 6 - 2) / 2 = 3.
    const a = score('a', [
      [1, 5, 9],
      [8, 2, 3],
    ]);
    const b = score('b', [
      [1, 1, 4],
      [0, 6, 0],
    ]);
    const found = agreementOf(pairScores(a, b));
    expect([found.gain.estimate, found.bestGain.estimate]).toEqual([0, 3]);
    expect(found.gain.low).toBeNaN(); // two prompts say nothing about prompts in general
  });
});

describe('where two scores disagree', () => {
  const a = score('a', [
    [9, 5, 1],
    [9, 5, 1],
    [3, 2, 1],
  ]);
  const b = score('b', [
    [1, 5, 9],
    [5, 9, 1],
    [3, 2, 1],
  ]);

  it('ranks say, best first, equals in the middle', () => {
    const [prompt] = pairScores(score('x', [[4, 7, 4]]), score('y', [[1, 0, 2]]));
    expect(prompt === undefined ? [] : rankPairs(prompt).map(({ ranks }) => ranks)).toEqual([
      [2.5, 2],
      [1, 3],
      [2.5, 1],
    ]);
  });

  it('the furthest apart come first, one of a prompt', () => {
    const found = disagreements(pairScores(a, b), 3);
    expect(found.map(({ prompt, candidate }) => [prompt, candidate])).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
    ]);
    expect(found[0]?.ranks).toEqual([1, 3]);
    expect(disagreements(pairScores(a, b), 1)).toHaveLength(1);
  });

  it('a cloud has mean 0 and spread 1 in every prompt, or is a point', () => {
    const cloud = standardized(pairScores(score('x', [[1, 2, 3]]), score('y', [[2, 2, 2]])));
    expect(cloud).toEqual([
      [-1, 0],
      [0, 0],
      [1, 0],
    ]);
  });
});
