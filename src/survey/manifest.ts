/**
 * What a survey pack says about itself: data, never markup. The two campaigns of MI-TUNE's survey (appendix on the user
 * study): of metrics, where each image of a prompt is the best of M by one score, and of methods, where each image was
 * drawn by one method.
 */
import * as v from 'valibot';
import { StudioError } from '../lib/errors.ts';
import { findDuplicateKey, parseJson } from '../lib/json.ts';

export type Campaign = 'metrics' | 'methods';

export type Question = {
  /** Of the prompt; null in a metrics campaign. */
  readonly category: string | null;
  readonly prompt: string;
  /** Path of the image in the pack by column. Columns that chose the same image have the same path. */
  readonly images: Readonly<Record<string, string>>;
};

export type SurveyManifest = {
  readonly format: typeof FORMAT;
  readonly campaign: Campaign;
  /** Told to the respondent, and part of nothing else. */
  readonly title: string;
  /** What is compared: names of scores (at most four) or methods (at most eight). Never shown to respondents. */
  readonly columns: readonly string[];
  /** Of one survey: in total (metrics) or of each category (methods). */
  readonly rounds: number;
  /** Where answers may be sent, once the respondent has seen address and answers; null for download only. */
  readonly answersTo: string | null;
  readonly questions: readonly Question[];
};

export const FORMAT = 'mi-tune-survey-1';
export const MANIFEST_NAME = 'survey.json';

export const MAX_COLUMNS = { metrics: 4, methods: 8 } as const satisfies Record<Campaign, number>;
/** The paper's: ten rounds of metrics, two of each category of methods. */
export const PAPER_ROUNDS = { metrics: 10, methods: 2 } as const satisfies Record<Campaign, number>;
export const MAX_QUESTIONS = 10_000;
const MAX_ROUNDS = 100;
const MAX_TEXT = 2000;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const CONTROL = /[\u0000-\u001f\u007f]/;
const lineSchema = (most: number) =>
  v.pipe(
    v.string(),
    v.minLength(1),
    v.maxLength(most),
    v.check(
      (text) => !CONTROL.test(text) && text.trim() === text,
      'must be one line without spaces around it',
    ),
  );
/** Names of columns are a line of a table, beside these two. */
const columnSchema = v.pipe(
  lineSchema(40),
  v.check((name) => !['prompt', 'category', '__proto__'].includes(name), 'is a name with another meaning'),
);

const manifestSchema = v.pipe(
  v.strictObject({
    format: v.literal(FORMAT),
    campaign: v.picklist(['metrics', 'methods']),
    title: lineSchema(120),
    columns: v.pipe(
      v.array(columnSchema),
      v.minLength(2),
      v.check((columns) => new Set(columns).size === columns.length, 'must differ'),
    ),
    rounds: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_ROUNDS)),
    answersTo: v.nullable(
      v.pipe(v.string(), v.maxLength(MAX_TEXT), v.check(isSafeAddress, 'must be an address with https')),
    ),
    questions: v.pipe(
      v.array(
        v.strictObject({
          category: v.nullable(lineSchema(40)),
          prompt: lineSchema(MAX_TEXT),
          images: v.record(v.string(), v.pipe(v.string(), v.maxLength(400), v.regex(/\.png$/))),
        }),
      ),
      v.minLength(1),
      v.maxLength(MAX_QUESTIONS),
    ),
  }),
  v.check(({ campaign, columns }) => columns.length <= MAX_COLUMNS[campaign], 'has too many columns'),
  v.check(
    ({ campaign, questions }) =>
      questions.every(({ category }) => (category === null) === (campaign === 'metrics')),
    'needs a category for each prompt in a methods campaign, and none in a metrics campaign',
  ),
  v.check(
    ({ columns, questions }) => questions.every(({ images }) => sameNames(Object.keys(images), columns)),
    'needs one image of each column for each prompt',
  ),
);

/**
 * Checks a manifest.
 * @param text the decoded file
 * @throws StudioError `survey-invalid` with the first thing that is wrong
 */
export function parseManifest(source: string, text: string): SurveyManifest {
  const json = parseJson(text, (cause) => surveyInvalid(source, `${MANIFEST_NAME} is not JSON`, cause));
  const twice = findDuplicateKey(text);
  if (twice !== undefined) throw surveyInvalid(source, `${MANIFEST_NAME} has “${twice}” twice`);
  const result = v.safeParse(manifestSchema, json);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const where = v.getDotPath(issue) ?? 'it';
  throw surveyInvalid(source, `in ${MANIFEST_NAME}, ${where}: ${issue.message}`);
}

/** Answers go over an encrypted connection, or stay on this machine. */
function isSafeAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && ['localhost', '127.0.0.1'].includes(hostname));
}

function sameNames(names: readonly string[], columns: readonly string[]): boolean {
  return names.length === columns.length && columns.every((column) => names.includes(column));
}

/** The refusal of a survey pack. */
export function surveyInvalid(source: string, problem: string, cause?: unknown): StudioError {
  return new StudioError('survey-invalid', `${source} is not a usable survey pack: ${problem}.`, {
    remedy: 'Ask its author for a new one: packs are made on the survey page of this program.',
    where: source,
    cause,
  });
}
