/**
 * Writes tables by RFC 4180: comma, CRLF, quotation marks doubled inside quoted cells.
 *
 * Text that a spreadsheet would run as a formula (starting with `=`, `+`, `-`, `@`, tab or carriage return) gets an
 * apostrophe in front, as OWASP's page "CSV Injection" advises: prompts come from strangers. Numbers are left alone.
 */

/** Empty for null and for numbers that are not finite. */
export type CsvCell = string | number | boolean | null;

/** @param rows each as long as `columns` */
export function writeCsv(columns: readonly string[], rows: Iterable<readonly CsvCell[]>): string {
  let csv = toLine(columns);
  for (const row of rows) {
    if (row.length !== columns.length)
      throw new RangeError(`${row.length} cells for ${columns.length} columns`);
    csv += toLine(row);
  }
  return csv;
}

function toLine(cells: readonly CsvCell[]): string {
  return `${cells.map(toCell).join(',')}\r\n`;
}

function toCell(cell: CsvCell): string {
  if (cell === null || (typeof cell === 'number' && !Number.isFinite(cell))) return '';
  if (typeof cell !== 'string') return String(cell);
  const harmless = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
