/** Checks settings that come from outside (run files, addresses, storage) against the field table. */
import * as v from 'valibot';
import { PRESETS } from '../../contract/presets.ts';
import type { MethodChoice, MiTuneSpec, ModelRef, Settings } from '../../contract/spec.ts';
import { StudioError } from '../../lib/errors.ts';
import { chosenMethod } from '../../methods/registry.ts';
import { FIELD_GROUPS, type Field, type FieldPath, type FieldValue, fieldOf, pathsOf } from './fields.ts';

const MAX_RUN_FILE_BYTES = 20_000_000;
const MAX_PROMPTS = 100_000;
const MAX_PROMPT_CHARACTERS = 2000;

/** The values a field accepts. */
export function fieldSchema(field: Field): v.GenericSchema<unknown, FieldValue> {
  if (field.kind === 'switch') return v.boolean();
  if (field.kind === 'choice') return v.picklist(field.options.map((option) => option.value));
  const range = v.pipe(v.number(), v.finite(), v.minValue(field.min), v.maxValue(field.max));
  const number = field.kind === 'integer' ? v.pipe(range, v.integer()) : range;
  return field.none === undefined ? number : v.nullable(number);
}

/** Candidates and rounds count on from the seed, and must stay whole numbers that are exact. */
export const MAX_SEED = 2 ** 52;
export const seedSchema = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_SEED));
export const backendSchema = v.picklist(['auto', 'wasm', 'webgpu']);
export const presetSchema = v.picklist(PRESETS.map((preset) => preset.name));

const modelSchema: v.GenericSchema<unknown, ModelRef> = v.variant('kind', [
  v.object({ kind: v.literal('url'), base: v.pipe(v.string(), v.minLength(1), v.maxLength(2000)) }),
  v.object({ kind: v.literal('local'), id: v.pipe(v.string(), v.minLength(1), v.maxLength(200)) }),
]);

/** Run files of earlier versions have no image size. */
function entrySchema(path: FieldPath): v.GenericSchema<unknown, FieldValue> {
  const schema = fieldSchema(fieldOf(path));
  return path === 'sampling.size' ? v.optional(schema, null) : schema;
}

const groupEntries = Object.fromEntries(
  FIELD_GROUPS.map(({ key }) => [
    key,
    v.object(Object.fromEntries(pathsOf(key).map((path) => [path.slice(key.length + 1), entrySchema(path)]))),
  ]),
);

const methodSchema = v.pipe(
  v.object({
    name: v.string(),
    options: v.record(v.string(), v.union([v.number(), v.string(), v.boolean()])),
  }),
  v.check((choice) => isChosen(choice), 'no such method, or an option that it does not take'),
);

const specSchema = v.object({
  version: v.literal(1),
  method: v.exactOptional(methodSchema),
  drawnBy: v.exactOptional(methodSchema),
  preset: v.picklist([...PRESETS.map((preset) => preset.name), 'custom']),
  model: modelSchema,
  prompts: v.pipe(
    v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(MAX_PROMPT_CHARACTERS))),
    v.maxLength(MAX_PROMPTS),
  ),
  seed: seedSchema,
  backend: backendSchema,
  ...groupEntries,
  realImages: v.nullable(
    v.object({
      folder: v.pipe(v.string(), v.minLength(1)),
      share: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
    }),
  ),
});

/**
 * Reads a run file: the JSON form of a `MiTuneSpec`, alone or as the `spec` or `config` of a report.
 * @throws StudioError `run-file-too-large`, `run-file-not-json` or `run-file-invalid`, naming the first bad value
 */
export function parseRunFile(fileName: string, text: string): MiTuneSpec {
  if (text.length > MAX_RUN_FILE_BYTES) {
    throw new StudioError('run-file-too-large', `${fileName} is too large to be a run file.`, {
      remedy: 'Choose the .json file that was saved as a run file, or a report.json.',
      where: fileName,
    });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new StudioError('run-file-not-json', `${fileName} is not valid JSON.`, {
      remedy: 'Save the run file again, or check it with a JSON editor.',
      where: fileName,
      cause,
    });
  }
  const result = v.safeParse(specSchema, unwrap(json));
  if (result.success) return result.output as unknown as MiTuneSpec;
  const issue = result.issues[0];
  throw new StudioError('run-file-invalid', `${fileName} does not describe a run: ${issue.message}.`, {
    remedy: 'Correct that value, or start from a run file saved by this page.',
    where: v.getDotPath(issue) ?? fileName,
  });
}

function isChosen(choice: MethodChoice): boolean {
  try {
    chosenMethod(choice);
    return true;
  } catch {
    return false;
  }
}

/** True when the value may be given to the field. */
export function acceptsValue(path: FieldPath, value: unknown): value is FieldValue {
  return v.is(fieldSchema(fieldOf(path)), value);
}

/** Relations between settings that no single field can express; the words are shown beside Start. */
export function settingsProblems(settings: Settings): readonly string[] {
  const problems: string[] = [];
  if (settings.selection.keep > settings.selection.candidates) {
    problems.push('Kept per prompt (k) is larger than candidates per prompt (M).');
  }
  if (settings.score.estimator === 'standard' && settings.score.path !== 'renoise') {
    problems.push('The difference of errors can only be measured on finished images, noised again.');
  }
  return problems;
}

function unwrap(json: unknown): unknown {
  if (typeof json !== 'object' || json === null || ('version' in json && 'prompts' in json)) return json;
  if ('spec' in json) return json.spec;
  return 'config' in json ? json.config : json;
}
