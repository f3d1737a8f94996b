import { describe, expect, test } from 'vitest';
import { PRESETS, presetSettings } from '../../../../src/contract/presets.ts';
import { StudioError } from '../../../../src/lib/errors.ts';
import { FIELD_PATHS, getField, setField } from '../../../../src/state/setup/fields.ts';
import { buildSpec, changedPaths, draftOf, INITIAL_DRAFT } from '../../../../src/state/setup/settings.ts';
import { acceptsValue, parseRunFile, settingsProblems } from '../../../../src/state/setup/specSchema.ts';

const spec = buildSpec(INITIAL_DRAFT, ['a red circle', 'a blue square']);

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof StudioError) return `${error.code} at ${error.where}`;
  }
  return 'no error';
}

test('every preset lies within the ranges of the field table', () => {
  for (const { name, settings } of PRESETS) {
    const refused = FIELD_PATHS.filter((path) => !acceptsValue(path, getField(settings, path)));
    expect([name, refused]).toEqual([name, []]);
  }
});

describe('run files', () => {
  test('give back the run they were made from', () => {
    expect(parseRunFile('run.json', JSON.stringify(spec))).toEqual(spec);
    expect(buildSpec(draftOf(spec), spec.prompts)).toEqual(spec);
  });

  test('are found inside a report', () => {
    expect(parseRunFile('report.json', JSON.stringify({ config: spec, scores: [] }))).toEqual(spec);
  });

  test('are refused with the place of the first bad value', () => {
    const bad = { ...spec, sampling: { ...spec.sampling, steps: 0 } };
    expect(codeOf(() => parseRunFile('run.json', JSON.stringify(bad)))).toBe(
      'run-file-invalid at sampling.steps',
    );
    expect(codeOf(() => parseRunFile('run.json', '{"version":'))).toBe('run-file-not-json at run.json');
    expect(codeOf(() => parseRunFile('run.json', '[]'))).toMatch(/^run-file-invalid/);
    expect(codeOf(() => parseRunFile('run.json', JSON.stringify({ ...spec, version: 2 })))).toBe(
      'run-file-invalid at version',
    );
  });

  test('drop what they do not know', () => {
    expect(parseRunFile('run.json', JSON.stringify({ ...spec, future: 1 }))).toEqual(spec);
  });
});

test('a changed setting makes a preset custom, and undoing it restores the preset', () => {
  const changed = setField(presetSettings('demo'), 'sampling.steps', 31);
  expect(changedPaths({ base: 'demo', settings: changed })).toEqual(['sampling.steps']);
  expect(buildSpec({ ...INITIAL_DRAFT, settings: changed }, []).preset).toBe('custom');
  expect(buildSpec(INITIAL_DRAFT, []).preset).toBe('demo');
});

test('relations between settings are explained', () => {
  const settings = presetSettings('demo');
  expect(settingsProblems(settings)).toEqual([]);
  expect(settingsProblems(setField(settings, 'selection.keep', 9))).toHaveLength(1);
  expect(settingsProblems(setField(settings, 'score.estimator', 'standard'))).toHaveLength(1);
  const renoised = setField(setField(settings, 'score.estimator', 'standard'), 'score.path', 'renoise');
  expect(settingsProblems(renoised)).toEqual([]);
});
