// Text output of a verification: one aligned line per case, then what failed, then one line of totals.

import type { Row } from './report.ts';

const WIDTHS = [12, 20, 36, 34, 10, 10] as const;

/** Column titles and a rule. */
export function header(): string {
  const titles = line(['kind', 'name', 'case', 'closest to its bound', 'error', 'tolerance'], 'result');
  return `${titles}\n${'-'.repeat(titles.length)}`;
}

/** One line for each case among the rows of an entry: its quantity that is closest to, or furthest beyond, the bound. */
export function caseLines(rows: readonly Row[]): string[] {
  return groupByCase(rows).map((group) => {
    const worst = group.reduce((a, b) => (badness(b) > badness(a) ? b : a));
    const what = group.length === 1 ? worst.quantity : `${worst.quantity} (of ${group.length})`;
    const cells = [worst.kind, worst.name, worst.id, what, format(worst.error), format(worst.tolerance)];
    return line(cells, worst.pass ? 'pass' : 'FAIL');
  });
}

/** Every failed comparison, beneath a title; nothing when all passed. */
export function failureLines(rows: readonly Row[]): string[] {
  const failed = rows.filter((row) => !row.pass);
  if (failed.length === 0) return [];
  const lines = failed.map((row) => {
    const numbers = row.note ?? `error ${format(row.error)}, tolerance ${format(row.tolerance)}`;
    return `  ${row.kind} ${row.name} ${row.id} ${row.quantity}: ${numbers}`;
  });
  return ['', 'Failed:', ...lines];
}

/** Totals over cases and comparisons. */
export function summaryLine(rows: readonly Row[], backend: string): string {
  const cases = groupByCase(rows);
  const failed = cases.filter((group) => group.some((row) => !row.pass)).length;
  return `${cases.length - failed} cases passed, ${failed} failed (${rows.length} comparisons, backend ${backend})`;
}

function groupByCase(rows: readonly Row[]): Row[][] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.kind, row.name, row.id]);
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return [...groups.values()];
}

/** Error as a share of the bound; a failure always outranks a pass. */
function badness(row: Row): number {
  if (!row.pass) return row.tolerance > 0 ? 1 + row.error / row.tolerance : Number.POSITIVE_INFINITY;
  return row.error === 0 ? 0 : row.error / row.tolerance;
}

function format(value: number): string {
  if (!Number.isFinite(value)) return '-';
  return value === 0 ? '0' : value.toExponential(2);
}

/** Long names are told apart by their ends. */
function clip(text: string, width: number): string {
  return text.length > width ? `...${text.slice(3 - width)}` : text;
}

function line(cells: readonly string[], result: string): string {
  const fitted = cells.map((cell, i) => {
    const width = WIDTHS[i] ?? 10;
    return i >= 4 ? cell.padStart(width) : clip(cell, width).padEnd(width);
  });
  return `${fitted.join(' ')}  ${result}`;
}
