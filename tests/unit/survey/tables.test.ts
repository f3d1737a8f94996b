import { describe, expect, it } from 'vitest';
import { type AnswerFile, parseAnswers, writeAnswers } from '../../../src/survey/answers.ts';
import { PAPER_METRICS_COLUMNS, PAPER_METRICS_GROUPS } from '../../../src/survey/paper.ts';
import { krippendorffAlpha, raterAgreement } from '../../../src/survey/raters.ts';
import { type GroupedAnswers, methodTable, patternsOf, patternTable } from '../../../src/survey/tables.ts';

const columns = [...PAPER_METRICS_COLUMNS];
const patterns = patternsOf(columns.length);
const nameOf = (pattern: readonly boolean[]) => columns.filter((_, i) => pattern[i]).join('+');

/** Answer files of ten rounds, written and read, with so many rounds of each pattern. */
function filesOf(counts: readonly number[], group: string): readonly GroupedAnswers[] {
  const answers = counts.flatMap((count, pattern) =>
    Array.from({ length: count }, (_, i) => ({
      category: null,
      prompt: `prompt ${(7 * i + pattern) % 700}`,
      selected: patterns[pattern] ?? [],
    })),
  );
  return Array.from({ length: Math.ceil(answers.length / 10) }, (_, i) => {
    const file: AnswerFile = { campaign: 'metrics', columns, answers: answers.slice(10 * i, 10 * i + 10) };
    return { group, file: parseAnswers('a.csv', writeAnswers(file)) };
  });
}

const percent = (share: number) => Math.round(share * 1000) / 10;

describe('Table 3', () => {
  const academics = PAPER_METRICS_GROUPS.find(({ name }) => name === 'academics');
  const rounds = 10 * (academics?.surveys ?? 0);
  /** The paper's shares as numbers of rounds, which they turn out to be. */
  const known = patterns.map((pattern) => {
    const share = academics?.patterns?.[nameOf(pattern)];
    return share === undefined ? null : Math.round((share / 100) * rounds);
  });
  const marginal = (column: string) => Math.round(((academics?.byColumn?.[column] ?? 0) / 100) * rounds);
  const containing = (column: string) =>
    known.reduce<number>(
      (sum, count, i) => sum + (patterns[i]?.[columns.indexOf(column as 'mi')] ? (count ?? 0) : 0),
      0,
    );

  // Of the four patterns without MI only sums can be told from the shares of BLIP and HPS: any split has to do.
  it.each([0, 1, 13, 26])('comes out of answers made from its shares (%i rounds of BLIP and HPS)', (both) => {
    const counts = known.map((count, i) => {
      if (count !== null) return count;
      const name = nameOf(patterns[i] ?? []);
      const blip = marginal('blip') - containing('blip') - both;
      const hps = marginal('hps') - containing('hps') - both;
      if (name === 'blip+hps') return both;
      if (name === 'blip') return blip;
      if (name === 'hps') return hps;
      return rounds - known.reduce<number>((sum, value) => sum + (value ?? 0), 0) - blip - hps - both;
    });
    expect(counts.every((count) => count >= 0)).toBe(true);
    const { groups } = patternTable(filesOf(counts, 'academics'));
    const [found] = groups;
    expect([groups.length, found?.surveys, found?.rounds]).toEqual([1, academics?.surveys, rounds]);
    for (const [i, pattern] of patterns.entries()) {
      const published = academics?.patterns?.[nameOf(pattern)];
      if (published !== undefined) expect(percent(found?.patterns[i]?.share.estimate ?? 0)).toBe(published);
    }
    for (const [i, column] of columns.entries()) {
      const published = academics?.byColumn?.[column] ?? 0;
      // The paper adds up rounded shares.
      expect(Math.abs(percent(found?.byColumn[i]?.share.estimate ?? 0) - published)).toBeLessThanOrEqual(0.1);
    }
  });

  it('the share of MI is the sum of its patterns, as the paper prints it', () => {
    const sum = Object.entries(academics?.patterns ?? {}).reduce((total, [, share]) => total + share, 0);
    expect(sum).toBeCloseTo(academics?.byColumn?.mi ?? 0, 9);
  });

  it('has every pattern once and every round in one', () => {
    expect(patterns.map(nameOf)).toEqual([
      '',
      'hps',
      'blip',
      'blip+hps',
      'mi',
      'mi+hps',
      'mi+blip',
      'mi+blip+hps',
    ]);
    const counts = [3, 1, 4, 1, 5, 9, 2, 5];
    const table = patternTable([...filesOf(counts, 'a'), ...filesOf([0, 0, 0, 0, 0, 0, 0, 10], 'b')]);
    expect(table.groups.map(({ name, rounds: n }) => [name, n])).toEqual([
      ['a', 30],
      ['b', 10],
      ['all', 40],
    ]);
    expect(table.groups[0]?.patterns.map(({ count }) => count)).toEqual(counts);
    expect(table.groups[2]?.patterns.map(({ count }) => count)).toEqual([3, 1, 4, 1, 5, 9, 2, 15]);
    expect(table.groups[0]?.byColumn.map(({ count }) => count)).toEqual([21, 12, 16]);
  });

  it('has intervals that hold the share and stay between 0 and 1', () => {
    const { groups } = patternTable(filesOf([10, 0, 0, 0, 0, 0, 0, 0], 'a'));
    // Wilson, 10 of 10: low = 10 / (10 + z^2) = 0.722467; 0 of 10: high = z^2 / (10 + z^2) = 0.277533, z = 1.959964.
    expect(groups[0]?.patterns[0]?.share.low).toBeCloseTo(0.722467, 6);
    expect(groups[0]?.patterns[7]?.share.high).toBeCloseTo(0.277533, 6);
    expect(groups[0]?.patterns[7]?.share.low).toBe(0);
  });
});

describe('Table 4', () => {
  const answer = (category: string, ...selected: boolean[]) => ({ category, prompt: 'p', selected });
  const file: AnswerFile = {
    campaign: 'methods',
    columns: ['MI', 'base'],
    answers: [answer('shape', true, false), answer('color', true, true), answer('color', false, false)],
  };

  it('counts how often each method was selected, by category and in all', () => {
    const table = methodTable([
      { group: 'a', file },
      { group: 'b', file },
    ]);
    expect(table.surveys).toBe(2);
    const rows = table.categories.map(({ name, rounds, byMethod }) => [
      name,
      rounds,
      byMethod.map(({ count }) => count),
    ]);
    expect(rows).toEqual([
      ['color', 4, [2, 2]],
      ['shape', 2, [2, 0]],
      ['all', 6, [4, 2]],
    ]);
  });

  it('has no sum of a single category', () => {
    const one = { ...file, answers: file.answers.slice(1) };
    expect(methodTable([{ group: 'a', file: one }]).categories.map(({ name }) => name)).toEqual(['color']);
  });
});

describe("Krippendorff's alpha", () => {
  it('is that of his worked examples', () => {
    // "Computing Krippendorff's alpha-reliability", 2011, section B: two observers, binary data: 0.095.
    const a = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0];
    const b = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0];
    expect(krippendorffAlpha(a.map((value, i) => [value, b[i] ?? 0]))).toBeCloseTo(0.095, 3);
    // Section C: four observers, nominal data with values missing: 0.743. The last unit has a single value.
    const c = [
      [1, 1, 1],
      [2, 2, 3, 2],
      [3, 3, 3, 3],
      [3, 3, 3, 3],
      [2, 2, 2, 2],
      [1, 2, 3, 4],
      [4, 4, 4, 4],
      [1, 1, 2, 1],
      [2, 2, 2, 2],
      [5, 5, 5],
      [1, 1],
      [3],
    ];
    expect(krippendorffAlpha(c)).toBeCloseTo(0.743, 3);
  });

  it('is 1 for full agreement, and undefined where there is nothing to agree on', () => {
    expect(krippendorffAlpha([[1, 1], [0, 0, 0], [1]])).toBe(1);
    expect(
      krippendorffAlpha([
        [1, 1],
        [1, 1],
      ]),
    ).toBeNaN();
    expect(krippendorffAlpha([[1], [0]])).toBeNaN();
    expect(krippendorffAlpha([])).toBeNaN();
  });

  it('compares answers about the same image of the same prompt in different surveys', () => {
    const file = (...answers: [string, boolean, boolean][]): AnswerFile => ({
      campaign: 'metrics',
      columns: ['a', 'b'],
      answers: answers.map(([prompt, ...selected]) => ({ category: null, prompt, selected })),
    });
    const found = raterAgreement([
      file(['x', true, false], ['y', true, false]),
      file(['x', true, true], ['z', true, true]),
      file(['y', true, false]),
    ]);
    expect([found.prompts, found.values]).toEqual([2, 8]);
    expect(found.byColumn[0]).toEqual({ column: 'a', alpha: Number.NaN });
    // Units 11 10 11 00 of prompts x and y: n = 8, five ones. Disagreement 2, expected 5 x 3 x 2: 1 - 2 x 7 / 30.
    expect(found.alpha.estimate).toBeCloseTo(1 - 14 / 30, 12);
    expect(found.alpha.low).toBeNaN();
  });
});
