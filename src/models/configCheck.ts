import * as v from 'valibot';
import { StudioError } from '../lib/errors.ts';

/**
 * Validates a config.json against a schema and against the values that this program implements.
 * A key that is not known may only be switched off (null, false or absent): a config that asks for
 * something that would silently be ignored gives wrong numbers, so it is an error.
 *
 * @param fixed keys whose value must equal the given one (or be null/absent)
 * @throws StudioError `config-unsupported` naming file, key and value
 */
export function checkConfig<S extends v.ObjectSchema<v.ObjectEntries, undefined>>(
  file: string,
  json: unknown,
  schema: S,
  fixed: Readonly<Record<string, unknown>>,
): v.InferOutput<S> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw unsupported(file, 'the file is not a JSON object');
  }
  for (const [key, value] of Object.entries(json)) {
    if (Object.hasOwn(schema.entries, key) || (key.startsWith('_') && !Object.hasOwn(fixed, key))) continue;
    if (value === null || (value === false && fixed[key] !== true)) continue;
    if (!Object.hasOwn(fixed, key))
      throw unsupported(file, `it has the unknown setting "${key}": ${show(value)}`);
    if (show(value) !== show(fixed[key])) {
      throw unsupported(file, `"${key}" is ${show(value)}, only ${show(fixed[key])} is implemented`);
    }
  }
  const result = v.safeParse(schema, json);
  if (!result.success) {
    const issue = result.issues[0];
    const key = issue.path?.map((p) => String(p.key)).join('.') ?? '';
    throw unsupported(file, `"${key}" is ${show(issue.input)}: ${issue.message}`);
  }
  return result.output;
}

/**
 * Bounds of what a config may ask for, far above every model of these families and far below what would hang a page:
 * configs come from strangers, and memory is laid out from their numbers before any weight is read.
 */
export const CONFIG_LIMITS = {
  /** Of a network or a block of it, one after another. */
  layers: 128,
  /** Channels, features, tokens of a prompt. */
  width: 2 ** 16,
  vocabulary: 2 ** 20,
  /** Latent pixels along a side. */
  side: 2 ** 12,
  /** Scalars of one matrix: 2 GiB as float32, more than a GPU binds at once. */
  matrix: 2 ** 29,
  /** Scalars of a network: 32 GiB as halves. */
  network: 2 ** 34,
} as const;

/** A whole number from 1 to `most`. */
export function upTo(most: number) {
  return v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(most));
}

/** The error of every config problem: names the file and the offending value. */
export function unsupported(file: string, problem: string): StudioError {
  return new StudioError('config-unsupported', `This model cannot be loaded: in ${file}, ${problem}.`, {
    where: file,
    remedy: 'Use a model of the Stable Diffusion 1.x or 2.x family in diffusers layout.',
  });
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? 'missing';
}
