/**
 * Scores of other programs: a CSV with a column for images and one or more of numbers, or JSON, a list of such rows or a
 * map from image to number. An image is told by its file name, or by the SHA-256 of its file.
 */

import Papa from 'papaparse';
import * as v from 'valibot';
import { StudioError } from '../../lib/errors.ts';
import { parseJson } from '../../lib/json.ts';

const MAX_ROWS = 1_000_000;
const MAX_CHARACTERS = 256 * 2 ** 20;
const MAX_COLUMNS = 64;
/** Columns that may name the image, the most exact first. */
const IMAGE_COLUMNS = [
  'sha256',
  'hash',
  'file_name',
  'filename',
  'file',
  'path',
  'image',
  'image_path',
  'name',
];

const HASH = /^[0-9a-f]{64}$/i;

/** One score by image; keys are lower-case hashes or file names without folders. */
type ForeignScore = { readonly name: string; readonly byImage: ReadonlyMap<string, number> };

const FILE_PREFIX = 'file:';
const MAX_NAME = 60;

/** Beside our own metrics: a column called `clip` of another program is not our CLIPScore. */
export function fileMetric(column: string): string {
  return `${FILE_PREFIX}${column}`.slice(0, MAX_NAME);
}

/** True for metrics of an image that were read from a file. */
export function isFileMetric(name: string): boolean {
  return name.startsWith(FILE_PREFIX);
}

type Row = Readonly<Record<string, unknown>>;

/**
 * @throws StudioError `scores-malformed` saying where: no column of images, no column of numbers, an image named twice
 */
export function parseScores(file: string, source: string): ForeignScore[] {
  if (file.length > MAX_CHARACTERS) throw malformed(source, 'it is too large for a table of scores');
  const text = file.replace(/^\uFEFF/, '');
  const rows = /^\s*[[{]/.test(text) ? jsonRows(text, source) : csvRows(text, source);
  if (rows.length === 0) throw malformed(source, 'it has no rows');
  if (rows.length > MAX_ROWS) throw malformed(source, `it has more than ${MAX_ROWS} rows`);
  const columns = [...new Set(rows.slice(0, 100).flatMap((row) => Object.keys(row)))].slice(0, MAX_COLUMNS);
  const key = IMAGE_COLUMNS.map((name) => columns.find((column) => column.toLowerCase() === name)).find(
    (column) => column !== undefined,
  );
  if (key === undefined) {
    throw malformed(source, `no column names the image (${IMAGE_COLUMNS.slice(0, 5).join(', ')}, ...)`);
  }
  const scores = columns
    .filter((column) => column !== key && holdsNumbers(rows, column, source))
    .map((name) => ({ name, byImage: collect(rows, key, name, source) }))
    .filter(({ byImage }) => byImage.size > 0);
  if (scores.length === 0) throw malformed(source, 'no column holds numbers only');
  return scores;
}

/** True where some image is told by its content. */
export function hasHashes({ byImage }: ForeignScore): boolean {
  return [...byImage.keys()].some((key) => HASH.test(key));
}

/** The number of an image, by one of its hashes (SHA-256, lower case) where the table has it, else by its name. */
export function scoreOf(
  { byImage }: ForeignScore,
  image: { readonly fileName: string; readonly hashes: readonly string[] },
): number | null {
  const byHash = image.hashes.map((hash) => byImage.get(hash)).find((value) => value !== undefined);
  return byHash ?? byImage.get(baseName(image.fileName)) ?? null;
}

/** False for a column of texts. @throws StudioError `scores-malformed` where few cells of many are no numbers */
function holdsNumbers(rows: readonly Row[], column: string, source: string): boolean {
  const isText = ({ [column]: cell }: Row): boolean => !isEmpty(cell) && numberOf(cell) === null;
  const texts = rows.filter(isText).length;
  const numbers = rows.filter(({ [column]: cell }) => numberOf(cell) !== null).length;
  if (texts > 0 && numbers > texts) {
    const row = rows.findIndex(isText);
    const cell = String(rows[row]?.[column]).slice(0, 40);
    throw malformed(source, `row ${row + 1}: ${column} is “${cell}”, which is no number`);
  }
  return texts === 0;
}

function collect(rows: readonly Row[], key: string, column: string, source: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const [i, row] of rows.entries()) {
    const value = numberOf(row[column]);
    if (value === null) continue;
    const image = String(row[key] ?? '').trim();
    if (image === '') throw malformed(source, `row ${i + 1} names no image`);
    const name = HASH.test(image) ? image.toLowerCase() : baseName(image);
    if (found.has(name)) throw malformed(source, `row ${i + 1}: ${name} is there twice`);
    found.set(name, value);
  }
  return found;
}

function csvRows(text: string, source: string): Row[] {
  const { data, errors, meta } = Papa.parse<Record<string, string>>(text, {
    header: true,
    skipEmptyLines: 'greedy',
    transformHeader: (name) => name.trim(),
  });
  const [error] = errors.filter(({ code }) => code !== 'UndetectableDelimiter');
  if (error !== undefined) throw malformed(source, `line ${(error.row ?? 0) + 2}: ${error.message}`);
  if (new Set(meta.fields).size !== meta.fields?.length) throw malformed(source, 'two columns have one name');
  return data;
}

const rowsSchema = v.array(v.record(v.string(), v.unknown()));
const mapSchema = v.record(v.string(), v.pipe(v.number(), v.finite()));

function jsonRows(text: string, source: string): Row[] {
  const json = parseJson(text, (cause) => malformed(source, 'it is not JSON', cause));
  const rows = v.safeParse(rowsSchema, json);
  if (rows.success) return rows.output;
  const map = v.safeParse(mapSchema, json);
  if (map.success) return Object.entries(map.output).map(([file_name, score]) => ({ file_name, score }));
  throw malformed(source, 'it is neither a list of rows nor a map from image to number');
}

/** As programs write that there is no number. */
const NOTHING = /^\s*(nan|null|none|n\/a)?\s*$/i;

function isEmpty(cell: unknown): boolean {
  return cell === undefined || cell === null || (typeof cell === 'string' && NOTHING.test(cell));
}

function numberOf(cell: unknown): number | null {
  const value = typeof cell === 'string' && cell.trim() !== '' ? Number(cell) : cell;
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function baseName(path: string): string {
  return path.split(/[/\\]/).at(-1) as string;
}

function malformed(source: string, problem: string, cause?: unknown): StudioError {
  return new StudioError('scores-malformed', `${source} cannot be used as scores: ${problem}.`, {
    where: source,
    remedy: 'Give a CSV or JSON with a column file_name (or sha256) and columns of numbers.',
    cause,
  });
}
