/** Pieces of Markdown: tables and numbers. */
import type { ConfidenceInterval } from '../../../src/lib/stats.ts';

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '*Not done yet.*';
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

/** A number with `digits` decimals, a real minus sign, and a dash where there is none. */
export function number(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return '–';
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

export function percent(value: number): string {
  return Number.isFinite(value) ? `${(100 * value).toFixed(1)}%` : '–';
}

/** A share with its interval: `62.0% [58.1, 65.7]`. */
export function percentInterval({ estimate, low, high }: ConfidenceInterval): string {
  if (!Number.isFinite(low)) return percent(estimate);
  return `${percent(estimate)} [${number(100 * low, 1)}, ${number(100 * high, 1)}]`;
}

/** Estimate and interval: `0.12 [0.05, 0.19]`. */
export function interval({ estimate, low, high }: ConfidenceInterval, digits = 3): string {
  if (!Number.isFinite(estimate)) return '–';
  if (!Number.isFinite(low)) return number(estimate, digits);
  return `${number(estimate, digits)} [${number(low, digits)}, ${number(high, digits)}]`;
}

/** In percentage points, with a sign: `+2.1 [0.3, 4.0]`. */
export function points({ estimate, low, high }: ConfidenceInterval): string {
  if (!Number.isFinite(estimate)) return '–';
  const scaled = [estimate, low, high].map((value) => number(100 * value, 1));
  const sign = estimate > 0 && scaled[0] !== '0.0' ? '+' : '';
  if (!Number.isFinite(low)) return `${sign}${scaled[0]}`;
  return `${sign}${scaled[0]} [${scaled[1]}, ${scaled[2]}]`;
}
