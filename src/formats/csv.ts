/**
 * Writes tables by RFC 4180: comma, CRLF, quotation marks doubled inside quoted cells.
 *
 * Text that a spreadsheet would run as a formula (starting with `=`, `+`, `-`, `@`, their full-width forms, a tab or a line
 * end) gets an apostrophe in front, as OWASP's page "CSV Injection" advises: prompts come from strangers. So does every
 * line inside a cell, since programs that split rows before they look at quotation marks take it for a cell of its own, and
 * what follows a semicolon or a tab: where these are the system's separators, spreadsheets split there instead of at commas.
 * Numbers are left alone.
 */

/** Places where a formula would begin. */
const FORMULA =
  /^(?=[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])|(?<=[\r\n;\t])(?=[=+\-@\t\uff1d\uff0b\uff0d\uff20])/g;

/** Empty for null and for numbers that are not finite. */
type CsvCell = string | number | boolean | null;

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
  const harmless = cell.replace(FORMULA, "'");
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
