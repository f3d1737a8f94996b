/**
 * Prompt lists: one prompt per line (.txt), a table (.csv) or JSON lines (.jsonl). Duplicates are kept, since official
 * benchmark lists contain them, and reported.
 */

import Papa from 'papaparse';
import { NOT_TEXT, PROMPT_LIMITS, splitLines, toOneLine } from '../contract/prompt.ts';
import { StudioError } from '../lib/errors.ts';
import { parseJson } from '../lib/json.ts';

export type Prompt = {
  readonly text: string;
  /** Where the prompt starts in the file, from 1. */
  readonly line: number;
  readonly categories?: readonly string[];
};

export type PromptList = {
  readonly prompts: readonly Prompt[];
  /** Texts that occur more than once, with all their lines. */
  readonly duplicates: readonly { readonly text: string; readonly lines: readonly number[] }[];
  /** Sentences about what was left out or looks unintended. */
  readonly warnings: readonly string[];
};

/** Names of the field that holds the prompt, best first. */
const TEXT_FIELDS = ['prompt', 'caption', 'text'] as const;
const CATEGORY_FIELDS = ['categories', 'category'] as const;

/** By this, Excel is told the delimiter; it is no row. */
const SEPARATOR_LINE = /^sep=([,;\t|])(?:\r\n|\r|\n)/i;

type Reader = (fileName: string, text: string, warnings: string[]) => Iterable<Prompt>;

const READERS: Readonly<Record<string, Reader>> = {
  txt: readLines,
  csv: readTable,
  jsonl: readJsonLines,
  ndjson: readJsonLines,
};

/**
 * Reads a prompt list; the file name's extension decides how.
 *
 * - `.txt`: one prompt per line; of a line with tabs the first field.
 * - `.csv`: the column `prompt`, `caption` or `text` (and `category`), or the first column if there is no header.
 * - `.jsonl`: objects with `prompt`, `caption` or `text` (and `category`), or plain strings.
 *
 * @param text the decoded file; line ends LF, CRLF or CR, with or without byte order mark
 * @throws StudioError `prompts-...` naming the file, the line and what to do
 */
export function parsePromptList(fileName: string, text: string): PromptList {
  const extension = /\.([^.]+)$/.exec(fileName)?.[1]?.toLowerCase() ?? '';
  const read = Object.hasOwn(READERS, extension) ? READERS[extension] : undefined;
  if (!read) {
    throw new StudioError('prompts-format', `${fileName} is not a kind of prompt list that can be read.`, {
      remedy: 'Use a .txt file with one prompt per line, a .csv or a .jsonl file.',
      where: fileName,
    });
  }
  const content = text.startsWith('\uFEFF') ? text.slice(1) : text;
  assertReadable(fileName, content);

  const warnings: string[] = [];
  const prompts: Prompt[] = [];
  for (const { text, ...rest } of read(fileName, content, warnings)) {
    const prompt = { ...rest, text: toOneLine(text) };
    if (prompt.text === '') continue;
    assertUsable(fileName, prompt, prompts.length);
    prompts.push(prompt);
  }
  if (prompts.length === 0) {
    throw new StudioError('prompts-empty', `${fileName} has no prompts.`, {
      remedy: 'Write one prompt per line.',
      where: fileName,
    });
  }
  return { prompts, duplicates: findDuplicates(prompts), warnings };
}

function* readLines(_fileName: string, text: string): Iterable<Prompt> {
  for (const [i, line] of splitLines(text).entries()) {
    const [first = ''] = line.split('\t');
    yield { text: first, line: i + 1 };
  }
}

function* readTable(fileName: string, text: string, warnings: string[]): Iterable<Prompt> {
  const told = SEPARATOR_LINE.exec(text);
  const table = told === null ? text : text.slice(told[0].length);
  const unixText = splitLines(table).join('\n'); // the parser would take one kind of line end for the whole file
  const { data: rows, errors } = Papa.parse<string[]>(unixText, {
    delimiter: told?.[1] ?? delimiterOf(table),
    newline: '\n',
  });
  // A quoted field may span lines, so the line of a row follows from the line ends in the rows before it.
  const lineOfRow: number[] = [];
  let line = told === null ? 1 : 2;
  for (const row of rows) {
    lineOfRow.push(line);
    line += 1 + row.reduce((ends, field) => ends + splitLines(field).length - 1, 0);
  }
  const [error] = errors;
  if (error) {
    throw malformed(
      fileName,
      lineOfRow[error.row ?? 0] ?? 1,
      `The quotation marks do not match: ${error.message}.`,
      {
        remedy: 'Write a quotation mark inside a quoted field twice, and close every quoted field.',
      },
    );
  }

  const names = (rows[0] ?? []).map((name) => name.trim().toLowerCase());
  const textName = TEXT_FIELDS.find((name) => names.includes(name));
  if (textName === undefined && rows.every(([field]) => isNumber(field) || !field?.trim()))
    throw numbersAlone(fileName);
  if (textName === undefined && hasOtherHeader(rows)) throw noPromptColumn(fileName, rows[0] ?? []);
  const textColumn = textName === undefined ? 0 : names.indexOf(textName);
  const categoryName = textName && CATEGORY_FIELDS.find((name) => names.includes(name));
  for (const [i, row] of rows.entries()) {
    if (i === 0 && textName !== undefined) continue;
    const line = lineOfRow[i] ?? 1;
    const prompt = row[textColumn] ?? '';
    if (prompt.trim() === '' && row.some((field) => field.trim() !== '')) {
      warnings.push(`Line ${line} has no prompt and was left out.`);
    }
    if (textName === undefined && row.length > 1 && /^\s/.test(row[1] ?? '')) {
      warnings.push(`Line ${line} was cut at its first comma; put prompts with commas in quotation marks.`);
    }
    const category = categoryName === undefined ? '' : (row[names.indexOf(categoryName)] ?? '');
    yield { text: prompt, line, ...toCategories(category.split(';')) };
  }
}

/** Whether a table that names no column of prompts has a header all the same, so that its first column is no guess to make. */
function hasOtherHeader([first = [], ...others]: readonly string[][]): boolean {
  const filled = others.filter((row) => row.some((field) => field.trim() !== ''));
  const numbered = filled.length > 0 && !isNumber(first[0]) && filled.every((row) => isNumber(row[0]));
  return numbered || (first.length > 1 && first.every((name) => /^[\p{L}_][\p{L}\p{N}_-]*$/u.test(name)));
}

function isNumber(field: string | undefined): boolean {
  return /^\s*[-+]?\d[\d.,]*\s*$/.test(field ?? '');
}

function numbersAlone(fileName: string): StudioError {
  return malformed(fileName, 1, 'The first column holds numbers and no prompts.', {
    remedy: 'Add a first line that names the columns, and call the one that holds the prompts “prompt”.',
    code: 'prompts-no-column',
  });
}

function noPromptColumn(fileName: string, names: readonly string[]): StudioError {
  const listed = names.map((name) => name.trim().slice(0, 40)).join(', ');
  return malformed(fileName, 1, `No column is called prompt; there are: ${listed.slice(0, 200)}.`, {
    remedy: 'Name the column that holds the prompts “prompt” in the first line, or leave that line out.',
    code: 'prompts-no-column',
  });
}

function* readJsonLines(fileName: string, text: string): Iterable<Prompt> {
  const remedy = 'Each line must be an object such as {"prompt": "a red cube"}.';
  for (const [i, content] of splitLines(text).entries()) {
    if (content.trim() === '') continue;
    const line = i + 1;
    const record = parseJson(content, (cause) =>
      malformed(fileName, line, 'The line is not valid JSON.', { remedy, cause }),
    );
    if (typeof record === 'string') {
      yield { text: record, line };
      continue;
    }
    const fields = new Map(typeof record === 'object' && record !== null ? Object.entries(record) : []);
    const prompt = TEXT_FIELDS.map((name) => fields.get(name)).find((value) => value !== undefined);
    if (typeof prompt !== 'string') {
      throw malformed(fileName, line, 'There is no text under "prompt", "caption" or "text".', { remedy });
    }
    const category = CATEGORY_FIELDS.map((name) => fields.get(name)).find((value) => value !== undefined);
    yield { text: prompt, line, ...toCategories(Array.isArray(category) ? category : [category]) };
  }
}

/** European spreadsheets write semicolons; a header without any comma tells. */
function delimiterOf(text: string): string {
  const [header = ''] = splitLines(text.slice(0, PROMPT_LIMITS.promptCharacters));
  if (header.includes(',')) return ',';
  return [';', '\t'].find((delimiter) => header.includes(delimiter)) ?? ',';
}

function toCategories(values: readonly unknown[]): { categories?: readonly string[] } {
  const categories = values.flatMap((value) =>
    typeof value === 'string' && value.trim() ? [value.trim()] : [],
  );
  return categories.length === 0 ? {} : { categories };
}

function findDuplicates(prompts: readonly Prompt[]): PromptList['duplicates'] {
  const linesOf = new Map<string, number[]>();
  for (const { text, line } of prompts) {
    const lines = linesOf.get(text);
    if (lines) lines.push(line);
    else linesOf.set(text, [line]);
  }
  return [...linesOf].filter(([, lines]) => lines.length > 1).map(([text, lines]) => ({ text, lines }));
}

function assertReadable(fileName: string, text: string): void {
  if (text.length > PROMPT_LIMITS.fileCharacters) {
    throw new StudioError('prompts-too-large', `${fileName} is far larger than a prompt list.`, {
      remedy: `Use a file of at most ${PROMPT_LIMITS.fileCharacters / 1e6} million characters.`,
      where: fileName,
    });
  }
  const at = text.search(NOT_TEXT);
  if (at >= 0) throw notText(fileName, splitLines(text.slice(0, at)).length);
}

function assertUsable(fileName: string, { text, line }: Prompt, index: number): void {
  if (index >= PROMPT_LIMITS.prompts) {
    throw malformed(fileName, line, `The list has more than ${PROMPT_LIMITS.prompts} prompts.`, {
      remedy: 'Split the list and run its parts one after the other.',
      code: 'prompts-too-many',
    });
  }
  if (text.length > PROMPT_LIMITS.promptCharacters) {
    throw malformed(fileName, line, `A prompt has ${text.length} characters.`, {
      remedy: `Shorten it to ${PROMPT_LIMITS.promptCharacters} characters, or check that each line is one prompt.`,
      code: 'prompts-too-long',
    });
  }
  if (NOT_TEXT.test(text)) throw notText(fileName, line); // JSON can spell any character in plain letters
}

function notText(fileName: string, line: number): StudioError {
  return malformed(fileName, line, 'This is not plain text.', {
    remedy: 'Save the list as plain text in UTF-8 encoding.',
    code: 'prompts-not-text',
  });
}

type Malformed = { readonly remedy: string; readonly code?: string; readonly cause?: unknown };

function malformed(fileName: string, line: number, problem: string, detail: Malformed): StudioError {
  const { remedy, code = 'prompts-malformed', cause } = detail;
  return new StudioError(code, `${fileName}, line ${line}: ${problem}`, {
    remedy,
    where: `${fileName}, line ${line}`,
    cause,
  });
}
