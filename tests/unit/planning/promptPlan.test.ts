import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { presetSettings } from '../../../src/contract/presets.ts';
import { candidateSeed, planPrompts } from '../../../src/planning/promptPlan.ts';

const paper = presetSettings('paper');

function plan(
  prompts: readonly string[],
  share: number,
  duplicates: 'keep' | 'collapse' = 'keep',
  seed = 42,
) {
  const { selection, training } = paper;
  return planPrompts({
    prompts,
    seed,
    selection: { ...selection, duplicates },
    training: { ...training, validationShare: share },
  });
}

const LIST = ['a', 'b', 'a', 'c', 'd', 'a', 'e'];

describe('the plan of a prompt list', () => {
  test('keeps repeated prompts and counts them', () => {
    expect(plan(LIST, 0).map(({ prompt, text, occurrence }) => [prompt, text, occurrence])).toEqual([
      [0, 'a', 0],
      [1, 'b', 0],
      [2, 'a', 1],
      [3, 'c', 0],
      [4, 'd', 0],
      [5, 'a', 2],
      [6, 'e', 0],
    ]);
  });

  test('collapses them where asked, with the index of the first', () => {
    expect(plan(LIST, 0, 'collapse').map((p) => p.prompt)).toEqual([0, 1, 3, 4, 6]);
  });

  test('holds out texts, not lines', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...'abcdefghij'), { minLength: 1, maxLength: 40 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 0, max: 1e6 }),
        (prompts, share, seed) => {
          const planned = plan(prompts, share, 'keep', seed);
          const sides = new Map<string, Set<boolean>>();
          for (const { text, heldOut } of planned)
            sides.set(text, (sides.get(text) ?? new Set()).add(heldOut));
          expect([...sides.values()].every((s) => s.size === 1)).toBe(true);
          const texts = sides.size;
          const held = [...sides.values()].filter((s) => s.has(true)).length;
          const wanted =
            share === 0 || texts < 2 ? 0 : Math.min(texts - 1, Math.max(1, Math.round(share * texts)));
          expect(held).toBe(wanted);
        },
      ),
    );
  });

  test('of one text, or without a share, holds out nothing', () => {
    expect(plan(['a', 'a'], 0.5).some((p) => p.heldOut)).toBe(false);
    expect(plan(LIST, 0).some((p) => p.heldOut)).toBe(false);
    expect(plan([], 0.5)).toEqual([]);
  });

  test('follows from the seed', () => {
    const list = Array.from({ length: 50 }, (_, i) => `prompt ${i}`);
    const held = (seed: number): number[] =>
      plan(list, 0.2, 'keep', seed).flatMap((p) => (p.heldOut ? [p.prompt] : []));
    expect(held(1)).toEqual(held(1));
    expect(held(1)).toHaveLength(10);
    expect(held(2)).not.toEqual(held(1));
  });
});

describe('seeds of candidates', () => {
  const distinct = { seed: 42, selection: { ...paper.selection, seeds: 'distinct' } } as const;
  const seedsOf = (prompts: readonly string[]) =>
    new Map(
      plan(prompts, 0).map((p) => [
        `${p.text} ${p.occurrence}`,
        [0, 1, 2].map((j) => candidateSeed(distinct, p, j)),
      ]),
    );

  test('do not depend on the order of the list, nor on what else is in it', () => {
    const all = seedsOf(LIST);
    expect(seedsOf(LIST.toReversed())).toEqual(all);
    expect(seedsOf(['c']).get('c 0')).toEqual(all.get('c 0'));
  });

  test('differ for every prompt, repetition and candidate', () => {
    const all = [...seedsOf(LIST).values()].flat();
    expect(new Set(all).size).toBe(all.length);
    expect(all.every((seed) => Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32)).toBe(true);
    const other = { ...distinct, seed: 42 + 2 ** 32 };
    expect(candidateSeed(other, { text: 'a', occurrence: 0 }, 0)).not.toBe(all[0]);
  });

  test('are shared by all prompts as in the official code, where asked', () => {
    const shared = { seed: 42, selection: { ...paper.selection, seeds: 'shared' } } as const;
    const seeds = plan(LIST, 0).map((p) => [0, 1].map((j) => candidateSeed(shared, p, j)));
    expect(new Set(seeds.map((s) => s.join())).size).toBe(1);
    expect(seeds[0]).toEqual([42, 43]);
  });
});
