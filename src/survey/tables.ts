/**
 * The paper's two tables from answer files: how often each pattern of selection was given (Table 3), and how often each
 * method was selected (Table 4), with Wilson's intervals over rounds.
 */
import { type ConfidenceInterval, wilsonInterval } from '../lib/stats.ts';
import type { Answer, AnswerFile } from './answers.ts';

/** The answers of one survey, and the group of people it counts to. */
export type GroupedAnswers = { readonly group: string; readonly file: AnswerFile };

export type Share = { readonly count: number; readonly rounds: number; readonly share: ConfidenceInterval };

export type PatternTable = {
  readonly columns: readonly string[];
  readonly groups: readonly {
    readonly name: string;
    readonly surveys: number;
    readonly rounds: number;
    /** All 2^n patterns, in the order of `patternsOf`. */
    readonly patterns: readonly Share[];
    /** By column: the sum over patterns that contain it. */
    readonly byColumn: readonly Share[];
  }[];
};

export type MethodTable = {
  readonly methods: readonly string[];
  /** The last is all of them together, where there are several. */
  readonly categories: readonly {
    readonly name: string;
    readonly rounds: number;
    readonly byMethod: readonly Share[];
  }[];
  readonly surveys: number;
};

const ALL = 'all';

/** None first, all last: counts in binary, the first column the highest digit. */
export function patternsOf(columns: number): readonly (readonly boolean[])[] {
  return Array.from({ length: 2 ** columns }, (_, number) =>
    Array.from({ length: columns }, (_, i) => ((number >> (columns - 1 - i)) & 1) === 1),
  );
}

/** `mi+hps`, or `none`. */
export function patternName(columns: readonly string[], pattern: readonly boolean[]): string {
  return columns.filter((_, i) => pattern[i]).join('+') || 'none';
}

/** @param answers of a metrics campaign, all with the same columns */
export function patternTable(answers: readonly GroupedAnswers[]): PatternTable {
  const columns = answers[0]?.file.columns ?? [];
  const names = [...new Set(answers.map(({ group }) => group))];
  const row = (name: string, files: readonly GroupedAnswers[]): PatternTable['groups'][number] => {
    const given = files.flatMap(({ file }) => file.answers);
    const same = (pattern: readonly boolean[]) => (answer: Answer) =>
      pattern.every((chosen, i) => answer.selected[i] === chosen);
    return {
      name,
      surveys: files.length,
      rounds: given.length,
      patterns: patternsOf(columns.length).map((pattern) => shareOf(given, same(pattern))),
      byColumn: columns.map((_, i) => shareOf(given, (answer) => answer.selected[i] === true)),
    };
  };
  const groups = names.map((name) =>
    row(
      name,
      answers.filter(({ group }) => group === name),
    ),
  );
  return { columns, groups: names.length > 1 ? [...groups, row(ALL, answers)] : groups };
}

/** @param answers of a methods campaign, all with the same columns */
export function methodTable(answers: readonly GroupedAnswers[]): MethodTable {
  const methods = answers[0]?.file.columns ?? [];
  const given = answers.flatMap(({ file }) => file.answers);
  const names = [...new Set(given.map(({ category }) => category ?? ''))].sort();
  const row = (name: string, rounds: readonly Answer[]): MethodTable['categories'][number] => ({
    name,
    rounds: rounds.length,
    byMethod: methods.map((_, i) => shareOf(rounds, (answer) => answer.selected[i] === true)),
  });
  const categories = names.map((name) =>
    row(
      name,
      given.filter(({ category }) => category === name),
    ),
  );
  return {
    methods,
    categories: names.length > 1 ? [...categories, row(ALL, given)] : categories,
    surveys: answers.length,
  };
}

function shareOf(answers: readonly Answer[], counts: (answer: Answer) => boolean): Share {
  const count = answers.filter(counts).length;
  return { count, rounds: answers.length, share: wilsonInterval(count, answers.length) };
}
