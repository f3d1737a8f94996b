/** The tables for a spreadsheet, one share a line. */
import { writeCsv } from '../formats/csv.ts';
import { type MethodTable, type PatternTable, patternName, patternsOf, type Share } from './tables.ts';

const NUMBERS = ['count', 'rounds', 'share', 'low', 'high'] as const;

/** Table 3 as CSV, a row for each group and pattern or column. */
export function patternsCsv({ columns, groups }: PatternTable): string {
  const rows = groups.flatMap(({ name, patterns, byColumn }) => [
    ...patternsOf(columns.length).map((pattern, i) => [
      name,
      'pattern',
      patternName(columns, pattern),
      ...numbers(patterns[i]),
    ]),
    ...columns.map((column, i) => [name, 'column', column, ...numbers(byColumn[i])]),
  ]);
  return writeCsv(['group', 'of', 'selected', ...NUMBERS], rows);
}

/** Table 4 as CSV, a row for each category and method. */
export function methodsCsv({ methods, categories }: MethodTable): string {
  const rows = categories.flatMap(({ name, byMethod }) =>
    methods.map((method, i) => [name, method, ...numbers(byMethod[i])]),
  );
  return writeCsv(['category', 'method', ...NUMBERS], rows);
}

function numbers(share: Share | undefined): readonly number[] {
  if (share === undefined) return [0, 0, Number.NaN, Number.NaN, Number.NaN];
  const { estimate, low, high } = share.share;
  return [share.count, share.rounds, estimate, low, high];
}
