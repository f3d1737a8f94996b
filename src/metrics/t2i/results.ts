/**
 * T2I-CompBench's files, so that its scripts and this program can be exchanged: pictures `<prompt>_<6-digit index>.png`,
 * and `vqa_result.json` with one answer for each, in the order of the index.
 */

import * as v from 'valibot';
import { StudioError } from '../../lib/errors.ts';
import { parseJson } from '../../lib/json.ts';

const MAX_RESULTS = 1_000_000;
/** Most file systems take 255 bytes. */
const MAX_NAME_BYTES = 255;

/** Folder of each metric's results, as the benchmark's scripts read and write them. */
export const RESULT_FOLDERS = {
  blipVqa: 'annotation_blip',
  unidet: 'annotation_obj_detection_2d',
  clip: 'annotation_clip',
  threeInOne: 'annotation_3_in_1',
} as const;

/**
 * @throws StudioError `t2i-name` for a prompt that cannot be a file name, or holds an underscore, where the benchmark's
 * scripts would cut it
 */
export function imageName(prompt: string, index: number): string {
  const name = `${prompt}_${String(index).padStart(6, '0')}.png`;
  const problem =
    (prompt.includes('_') && 'holds an underscore, at which the benchmark cuts prompts') ||
    (/[/\\\0]/.test(prompt) && 'holds a character that file names cannot have') ||
    (new TextEncoder().encode(name).length > MAX_NAME_BYTES && 'is too long for a file name');
  if (!problem) return name;
  throw new StudioError('t2i-name', `"${shortened(prompt)}" ${problem}.`, {
    where: shortened(prompt),
    remedy: 'Leave this prompt out, or change it.',
  });
}

type NamedImage = { readonly file: string; readonly prompt: string; readonly index: number };

/** Reads a name back; null where it is none of the benchmark's. The prompt ends at the first underscore, as upstream. */
export function parseImageName(file: string): NamedImage | null {
  const name = file.split('/').at(-1) as string;
  const match = /^([^_]*)_(?:.*_)?(\d+)\.(?:png|jpe?g|webp)$/i.exec(name);
  if (match === null) return null;
  return { file, prompt: match[1] as string, index: Number(match[2]) };
}

/** Pictures in the order of the benchmark: their results are numbered 0, 1, 2 along it. */
export function inOrder(files: readonly string[]): NamedImage[] {
  return files
    .map(parseImageName)
    .filter((image) => image !== null)
    .sort((a, b) => a.index - b.index);
}

type ResultRow = { readonly questionId: number; readonly answer: number };

/** @param decimals as BLIP-VQA's answers are written, with 4 decimals as text; null for plain numbers */
export function writeResults(rows: readonly ResultRow[], decimals: ((x: number) => string) | null): string {
  return JSON.stringify(
    rows.map(({ questionId, answer }) => ({
      question_id: questionId,
      answer: decimals === null ? answer : decimals(answer),
    })),
  );
}

const answer = v.union([
  v.pipe(v.number(), v.finite()),
  v.pipe(v.string(), v.regex(/^-?\d+(\.\d+)?([eE][-+]?\d+)?$/, 'is no number'), v.transform(Number)),
]);
const resultsSchema = v.pipe(
  v.array(v.looseObject({ question_id: v.pipe(v.number(), v.safeInteger(), v.minValue(0)), answer })),
  v.maxLength(MAX_RESULTS, `has more than ${MAX_RESULTS} rows`),
);

/** Reads `vqa_result.json`. @throws StudioError `t2i-results` naming the row */
export function parseResults(text: string, source: string): ResultRow[] {
  const json = parseJson(text, (cause) => invalid(source, 'it is not JSON', cause));
  const parsed = v.safeParse(resultsSchema, json);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw invalid(source, `${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`);
  }
  const rows = parsed.output.map((row) => ({ questionId: row.question_id, answer: row.answer }));
  const ids = new Set(rows.map(({ questionId }) => questionId));
  if (ids.size !== rows.length) throw invalid(source, 'two rows have one question_id');
  return rows;
}

/** Mean over all pictures of a category; NaN where there are none. */
export function categoryMean(scores: readonly number[]): number {
  return scores.reduce((sum, x) => sum + x, 0) / scores.length;
}

function shortened(prompt: string): string {
  return prompt.length > 60 ? `${prompt.slice(0, 57)}...` : prompt;
}

function invalid(source: string, problem: string, cause?: unknown): StudioError {
  return new StudioError('t2i-results', `${source} cannot be read as results of T2I-CompBench: ${problem}.`, {
    where: source,
    remedy: 'It must be a list of {"question_id": 0, "answer": 0.5}.',
    cause,
  });
}
