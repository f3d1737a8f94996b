/**
 * The check of a whole run, in the two forms of the field table: `strict` for run files and addresses, `loose` for
 * stored records, which may be older than today's ranges or newer than this page.
 */
import * as v from 'valibot';
import { type SchemaForm, tableSchema } from './field.ts';
import { FIELDS } from './fields.ts';
import { NOT_TEXT, PROMPT_LIMITS, toOneLine } from './prompt.ts';
import { BACKEND_CHOICES, type MiTuneSpec, type ModelRef, PRESET_NAMES } from './spec.ts';

/** Candidates and rounds count on from the seed, and must stay whole numbers that are exact. */
export const MAX_SEED = 2 ** 52;
export const seedSchema = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_SEED));
export const backendSchema = v.picklist(BACKEND_CHOICES);
export const presetSchema = v.picklist(PRESET_NAMES);
const shareSchema = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

/** The same as a line of a prompt list: what is read here reads the same there. */
const promptSchema = v.pipe(
  v.string(),
  v.transform(toOneLine),
  v.minLength(1, 'A prompt is empty'),
  v.maxLength(
    PROMPT_LIMITS.promptCharacters,
    ({ received }) => `A prompt has ${received} characters, more than ${PROMPT_LIMITS.promptCharacters}`,
  ),
  v.check((text) => !NOT_TEXT.test(text), 'A prompt is not plain text'),
);
const promptsSchema = v.pipe(
  v.array(v.string()),
  v.maxLength(
    PROMPT_LIMITS.prompts,
    ({ received }) => `It has ${received} prompts, more than ${PROMPT_LIMITS.prompts}`,
  ),
  v.array(promptSchema),
);

/** Its options are those that the method declares, so they are checked against the method. */
const methodEntries = {
  name: v.string(),
  options: v.record(v.string(), v.nullable(v.union([v.number(), v.string(), v.boolean()]))),
};

/** More metrics than there are would only take time. */
const MAX_METRICS = 16;
/** T2I-CompBench asks no more than 8 of a prompt. */
const MAX_PHRASES = 8;
const metricName = v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,40}$/, 'A metric has no such name'));

/** Corrected readings by prompt; words that do not stand in the prompt are found nowhere and do nothing. */
const readingsSchema = v.record(
  v.pipe(v.string(), v.maxLength(PROMPT_LIMITS.promptCharacters)),
  v.object({ objects: wordsSchema(), phrases: wordsSchema() }),
);

/** What metrics ask about by prompt, in place of what they find. */
const phrasesSchema = v.record(
  v.pipe(v.string(), v.maxLength(PROMPT_LIMITS.promptCharacters)),
  v.pipe(wordsSchema(), v.maxLength(MAX_PHRASES)),
);

function wordsSchema() {
  const words = v.pipe(v.string(), v.minLength(1), v.maxLength(PROMPT_LIMITS.promptCharacters));
  return v.pipe(v.array(words), v.maxLength(PROMPT_LIMITS.promptCharacters));
}

/** What is said from outside: every value within its range, nothing unknown let through. */
export const strictSpecSchema = specSchema('strict');

/** What was stored: the kinds of values alone; fields that are not known here are kept. */
export const looseSpecSchema = specSchema('loose');

function specSchema(form: SchemaForm): v.GenericSchema<unknown, MiTuneSpec> {
  const either = <S, L>(strict: S, loose: L): S | L => (form === 'strict' ? strict : loose);
  const object = either(v.object, v.looseObject) as typeof v.looseObject;
  const text = (longest: number) =>
    either(v.pipe(v.string(), v.minLength(1), v.maxLength(longest)), v.string());
  const ref = v.variant('kind', [
    object({ kind: v.literal('url'), base: text(2000) }),
    object({ kind: v.literal('local'), id: text(200) }),
  ]) satisfies v.GenericSchema<unknown, ModelRef>;
  const metrics = v.array(
    object({
      name: either(metricName, v.string()),
      model: v.nullable(ref),
      phrases: v.exactOptional(phrasesSchema),
    }),
  );
  const fewMetrics = v.pipe(
    metrics,
    v.maxLength(MAX_METRICS),
    v.check((all) => new Set(all.map(({ name }) => name)).size === all.length, 'A metric is named twice'),
  );
  return object({
    version: v.literal(1),
    method: v.exactOptional(object(methodEntries)),
    drawnBy: v.exactOptional(object(methodEntries)),
    readings: v.exactOptional(readingsSchema),
    preset: v.picklist([...PRESET_NAMES, 'custom']),
    model: ref,
    prompts: either(promptsSchema, v.array(v.string())),
    seed: either(seedSchema, v.number()),
    backend: backendSchema,
    ...groupSchemas(form),
    realImages: v.nullable(
      object({
        folder: either(v.pipe(v.string(), v.minLength(1)), v.string()),
        share: either(shareSchema, v.number()),
      }),
    ),
    metrics: v.exactOptional(either(fewMetrics, metrics)),
  }) as unknown as v.GenericSchema<unknown, MiTuneSpec>; // the groups' types are those of their table, which `FieldsFor` holds to the spec's
}

function groupSchemas(form: SchemaForm) {
  return Object.fromEntries(
    Object.entries(FIELDS).map(([key, { fields }]) => [key, tableSchema(fields, form)]),
  );
}
