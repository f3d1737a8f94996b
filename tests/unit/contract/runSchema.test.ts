import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import type { FIELDS } from '../../../src/contract/fields.ts';
import { PRESETS, presetSettings } from '../../../src/contract/presets.ts';
import { looseSpecSchema, strictSpecSchema } from '../../../src/contract/runSchema.ts';
import {
  acceptsValue,
  FIELD_PATHS,
  fieldOf,
  getField,
  setField,
  settingsProblems,
} from '../../../src/contract/settings.ts';
import { buildSpec, INITIAL_DRAFT } from '../../../src/state/setup/settings.ts';

const spec = buildSpec(INITIAL_DRAFT, ['a red circle', 'a blue square']);
const withField = (path: (typeof FIELD_PATHS)[number], value: never) => setField(spec, path, value);

test('every preset lies within the ranges of the field table', () => {
  for (const { name, settings } of PRESETS) {
    const refused = FIELD_PATHS.filter((path) => !acceptsValue(path, getField(settings, path)));
    expect([name, refused]).toEqual([name, []]);
  }
});

test('every field has a name of its own on the command line', () => {
  const flags = FIELD_PATHS.map((path) => fieldOf(path).flag);
  expect(new Set(flags).size).toBe(flags.length);
});

describe('the strict and the loose form of every field', () => {
  test.each(FIELD_PATHS)('%s: agree on its kind, and the strict one alone on its range', (path) => {
    const field = fieldOf(path);
    const isNumber = field.kind === 'integer' || field.kind === 'number';
    const beyond = isNumber ? field.max + 1 : null;
    for (const wrong of [[], {}, field.kind === 'switch' ? 'true' : true, 'none of these']) {
      expect(v.is(strictSpecSchema, withField(path, wrong as never))).toBe(false);
      expect(v.is(looseSpecSchema, withField(path, wrong as never))).toBe(false);
    }
    if (!isNumber) return;
    expect(v.is(strictSpecSchema, withField(path, beyond as never))).toBe(false);
    expect(v.is(looseSpecSchema, withField(path, beyond as never))).toBe(true);
    expect(v.is(looseSpecSchema, withField(path, null as never))).toBe(field.none !== undefined);
  });

  test.each(FIELD_PATHS)('%s: miss it, unless records are older than it', (path) => {
    const [group, name] = path.split('.') as [keyof typeof FIELDS, string];
    const { [name]: _, ...rest } = spec[group] as unknown as Record<string, unknown>;
    const isOlder = fieldOf(path).absent !== undefined;
    for (const schema of [strictSpecSchema, looseSpecSchema]) {
      expect(v.is(schema, { ...spec, [group]: rest })).toBe(isOlder);
    }
  });
});

test('stored records keep what only a newer page knows', () => {
  const newer = { ...spec, future: 1, score: { ...spec.score, future: [2] } };
  expect(v.parse(looseSpecSchema, newer)).toEqual(newer);
});

test('relations between settings are explained', () => {
  const settings = presetSettings('demo');
  expect(settingsProblems(settings)).toEqual([]);
  expect(settingsProblems(setField(settings, 'selection.keep', 9))).toHaveLength(1);
  expect(settingsProblems(setField(settings, 'score.estimator', 'standard'))).toHaveLength(1);
  const renoised = setField(setField(settings, 'score.estimator', 'standard'), 'score.path', 'renoise');
  expect(settingsProblems(renoised)).toEqual([]);
});

test('records of versions without an image size mean the model’s own', () => {
  const { size: _, ...sampling } = spec.sampling;
  expect(v.parse(looseSpecSchema, { ...spec, sampling })).toEqual(spec);
});
