/**
 * Answer files, in the columns of the official notebooks so that either program reads the other's:
 *
 *     prompt,mi,blip,hps                                  category,prompt,AandE,DPOK,...
 *     "a red book and a yellow vase",True,False,False     color,'a red book and a yellow vase',False,True,...
 *
 * One file a survey, one line a round. Metrics in the order of the campaign, prompts in quotes, no line end at the end;
 * methods sorted by name, prompts as Python's `repr`, written as pandas writes tables.
 *
 * Differs from the official notebook: quotation marks inside a metrics prompt are doubled, where it leaves a line that
 * no reader can split. Cells are not guarded against spreadsheets, since the text of a prompt is what joins files.
 */
import Papa from 'papaparse';
import { StudioError } from '../lib/errors.ts';
import type { Round } from './design.ts';
import type { Campaign, SurveyManifest } from './manifest.ts';
import { parsePythonRepr, pythonRepr } from './pythonText.ts';

export type Answer = {
  readonly category: string | null;
  readonly prompt: string;
  /** Whether the image of each column was selected. */
  readonly selected: readonly boolean[];
};

export type AnswerFile = {
  readonly campaign: Campaign;
  readonly columns: readonly string[];
  readonly answers: readonly Answer[];
};

const MAX_CHARACTERS = 2_000_000;
const MAX_COLUMNS = 64;

/** @param selections places selected in each round, as indices into its `order` */
export function answersOf(
  { campaign, columns, questions }: SurveyManifest,
  rounds: readonly Round[],
  selections: readonly ReadonlySet<number>[],
): AnswerFile {
  const named = campaign === 'metrics' ? columns : columns.toSorted(byCodePoint);
  const answers = rounds.flatMap(({ question, order }, i): Answer[] => {
    const asked = questions[question];
    if (asked === undefined) return [];
    const { category, prompt } = asked;
    const chosen = new Set([...(selections[i] ?? [])].map((place) => columns[order[place] ?? -1]));
    return [{ category, prompt, selected: named.map((name) => chosen.has(name)) }];
  });
  return { campaign, columns: named, answers };
}

/** CSV in the columns and with the words of the official notebooks. */
export function writeAnswers({ campaign, columns, answers }: AnswerFile): string {
  const flags = (answer: Answer) => answer.selected.map((chosen) => (chosen ? 'True' : 'False'));
  if (campaign === 'metrics') {
    const lines = answers.map((answer) => [quote(answer.prompt), ...flags(answer)].join(','));
    return [['prompt', ...columns.map(quoteIfNeeded)].join(','), ...lines].join('\n');
  }
  const rows = [
    ['category', 'prompt', ...columns],
    ...answers.map((answer) => [answer.category ?? '', pythonRepr(answer.prompt), ...flags(answer)]),
  ];
  return rows.map((row) => `${row.map(quoteIfNeeded).join(',')}\n`).join('');
}

/** `answer_20240131_235959_000123.csv`: local time, to the microsecond where the clock tells. */
export function answerFileName(at: Date, microseconds = 0): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}${two(at.getMonth() + 1)}${two(at.getDate())}`;
  const time = `${two(at.getHours())}${two(at.getMinutes())}${two(at.getSeconds())}`;
  const fraction = String(at.getMilliseconds() * 1000 + microseconds).padStart(6, '0');
  return `answer_${day}_${time}_${fraction}.csv`;
}

/** @throws StudioError `answers-malformed` naming the line */
export function parseAnswers(source: string, text: string): AnswerFile {
  const malformed = (line: number, problem: string, cause?: unknown) =>
    new StudioError('answers-malformed', `${source}, line ${line}: ${problem}.`, {
      remedy: 'Answer files are CSV with the columns “prompt” or “category,prompt”, then True or False.',
      where: `${source}, line ${line}`,
      cause,
    });
  if (text.length > MAX_CHARACTERS) throw malformed(1, 'the file is too large for the answers of a survey');
  const table = Papa.parse<string[]>(text.replace(/^\uFEFF/, ''), { delimiter: ',', skipEmptyLines: true });
  const [problem] = table.errors;
  if (problem !== undefined) throw malformed((problem.row ?? 0) + 1, problem.message.toLowerCase());
  const [header = [], ...rows] = table.data;
  const campaign = header[0] === 'category' ? 'methods' : 'metrics';
  const named = campaign === 'methods' ? 2 : 1;
  const columns = header.slice(named);
  if (header[named - 1] !== 'prompt') throw malformed(1, 'the columns are not those of an answer file');
  if (columns.length === 0 || columns.length > MAX_COLUMNS || new Set(columns).size < columns.length)
    throw malformed(1, 'the columns of what was compared are not usable');
  if (rows.length === 0) throw malformed(2, 'there are no answers');
  const answers = rows.map((row, i): Answer => {
    const line = i + 2;
    if (row.length !== header.length)
      throw malformed(line, `${row.length} cells for ${header.length} columns`);
    const selected = row.slice(named).map((cell) => {
      if (cell === 'True') return true;
      if (cell === 'False') return false;
      throw malformed(line, `“${cell.slice(0, 40)}” is neither True nor False`);
    });
    const [first = '', second = ''] = row;
    if (campaign === 'metrics') return { category: null, prompt: first, selected };
    try {
      return { category: first, prompt: parsePythonRepr(second), selected };
    } catch (cause) {
      throw malformed(line, 'the prompt is not in quotes inside its cell', cause);
    }
  });
  return { campaign, columns, answers };
}

function quote(cell: string): string {
  return `"${cell.replaceAll('"', '""')}"`;
}

function quoteIfNeeded(cell: string): string {
  return /[",\r\n]/.test(cell) ? quote(cell) : cell;
}

/** Python's order of strings. */
function byCodePoint(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  for (const [i, character] of left.entries()) {
    const difference = (character.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? -1);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
