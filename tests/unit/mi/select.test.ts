import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ScoredCandidate, type SelectionOptions, selectCandidates } from '../../../src/mi/select.ts';

/** One row of scores per prompt. */
const poolOf = (...scores: number[][]): ScoredCandidate[] =>
  scores.flatMap((row, promptIndex) => row.map((score, candidate) => ({ promptIndex, candidate, score })));

const chosen = (pool: readonly ScoredCandidate[], options: SelectionOptions) =>
  selectCandidates(pool, options).selected.map((c) => [c.promptIndex, c.candidate]);

describe('selectCandidates', () => {
  const pool = poolOf([3, 9, 9, 1], [5, 4, 8, 7]);

  it('keeps the k best of every prompt, best first; ties go to the lower index', () => {
    expect(chosen(pool, { keep: 1 })).toEqual([
      [0, 1],
      [1, 2],
    ]);
    expect(chosen(pool, { keep: 2 })).toEqual([
      [0, 1],
      [0, 2],
      [1, 2],
      [1, 3],
    ]);
  });

  it('ranks a smaller M from the same pool', () => {
    expect(chosen(pool, { keep: 1, candidates: 2 })).toEqual([
      [0, 1],
      [1, 0],
    ]);
  });

  it('takes the worst or random ones as controls', () => {
    expect(chosen(pool, { keep: 1, rule: { order: 'bottom' } })).toEqual([
      [0, 3],
      [1, 1],
    ]);
    const random = (seed: number) => chosen(pool, { keep: 2, rule: { order: 'random', seed } });
    expect(random(7)).toEqual(random(7));
    expect(
      new Set(Array.from({ length: 20 }, (_, seed) => JSON.stringify(random(seed)))).size,
    ).toBeGreaterThan(5);
    expect(new Set(random(7).map((c) => c.join())).size).toBe(4);
  });

  it('keeps repeated prompts apart', () => {
    // Both rows could be the same text: they are told apart by position alone.
    expect(chosen(poolOf([1, 2], [1, 2]), { keep: 1 })).toEqual([
      [0, 1],
      [1, 1],
    ]);
  });

  it.each(['top', 'bottom'] as const)(
    'never selects and always reports a score that is not finite (%s)',
    (order) => {
      const broken = poolOf(
        [Number.NaN, 2, Number.POSITIVE_INFINITY],
        [Number.NaN, Number.NEGATIVE_INFINITY, Number.NaN],
      );
      const result = selectCandidates(broken, { keep: 2, rule: { order } });
      expect(result.selected).toEqual([{ promptIndex: 0, candidate: 1, score: 2 }]);
      expect(result.invalid.map((c) => [c.promptIndex, c.candidate])).toEqual([
        [0, 0],
        [0, 2],
        [1, 0],
        [1, 1],
        [1, 2],
      ]);
      expect(result.shortPrompts).toEqual([0, 1]);
    },
  );

  it('does not depend on the order of the pool, and leaves it alone', () => {
    const rows = fc.array(fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 6 }), { maxLength: 4 });
    const rule = fc.constantFrom({ order: 'top' }, { order: 'bottom' }, {
      order: 'random',
      seed: 3,
    } as const);
    const permuted = rows.chain((r) => {
      const all = poolOf(...r);
      return fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }));
    });
    fc.assert(
      fc.property(permuted, fc.integer({ min: 1, max: 7 }), rule, ([all, shuffled], keep, order) => {
        const before = [...shuffled];
        const options = { keep, rule: order } as SelectionOptions;
        expect(selectCandidates(shuffled, options)).toEqual(selectCandidates(all, options));
        expect(shuffled).toEqual(before);
      }),
    );
  });
});
