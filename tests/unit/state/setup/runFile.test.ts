import { describe, expect, test } from 'vitest';
import { PROMPT_LIMITS } from '../../../../src/contract/prompt.ts';
import { StudioError } from '../../../../src/lib/errors.ts';
import { parseRunFile } from '../../../../src/state/setup/runFile.ts';
import { buildSpec, draftOf, INITIAL_DRAFT } from '../../../../src/state/setup/settings.ts';

const spec = buildSpec(INITIAL_DRAFT, ['a red circle', 'a blue square']);

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof StudioError) return `${error.code} at ${error.where}`;
  }
  return 'no error';
}
const read = (value: unknown) => parseRunFile('run.json', JSON.stringify(value));

describe('run files', () => {
  test('give back the run they were made from', () => {
    expect(read(spec)).toEqual(spec);
    expect(buildSpec(draftOf(spec), spec.prompts)).toEqual(spec);
  });

  test('are found inside a report', () => {
    expect(read({ config: spec, scores: [] })).toEqual(spec);
  });

  test('are refused with the place of the first bad value', () => {
    expect(codeOf(() => read({ ...spec, sampling: { ...spec.sampling, steps: 0 } }))).toBe(
      'run-file-invalid at sampling.steps',
    );
    expect(codeOf(() => parseRunFile('run.json', '{"version":'))).toBe('run-file-not-json at run.json');
    expect(codeOf(() => read([]))).toMatch(/^run-file-invalid/);
    expect(codeOf(() => read({ ...spec, version: 2 }))).toBe('run-file-invalid at version');
  });

  test('hold no more and no other prompts than a list may', () => {
    const many = Array.from({ length: PROMPT_LIMITS.prompts + 1 }, (_, i) => `prompt ${i}`);
    expect(read({ ...spec, prompts: many.slice(1) }).prompts).toHaveLength(PROMPT_LIMITS.prompts);
    expect(() => read({ ...spec, prompts: many })).toThrow('It has 10001 prompts, more than 10000.');
    const long = 'x'.repeat(PROMPT_LIMITS.promptCharacters + 1);
    for (const prompt of ['', ' \n', 'a\u0000', long, 7]) {
      expect(codeOf(() => read({ ...spec, prompts: ['a', prompt] }))).toBe('run-file-invalid at prompts.1');
    }
    expect(read({ ...spec, prompts: [' a\n b '] }).prompts).toEqual(['a b']);
  });

  test('are refused where there is no such method, or it has no such option', () => {
    const options = {};
    expect(codeOf(() => read({ ...spec, method: { name: 'mi-tuna', options } }))).toBe(
      'method-unknown at method',
    );
    expect(codeOf(() => read({ ...spec, method: { name: 'mi-tune', options: { speed: 1 } } }))).toBe(
      'method-option-invalid at method.speed',
    );
    expect(codeOf(() => read({ ...spec, drawnBy: { name: 'mi-tune', options } }))).toBe(
      'method-draws-nothing at drawnBy',
    );
    const own = { ...spec, method: { name: 'mi-tune', options } };
    expect(read(own)).toEqual(own);
  });

  test('drop what they do not know', () => {
    const sampling = { ...spec.sampling, future: 1 };
    expect(read({ ...spec, sampling, future: 1 })).toEqual(spec);
  });

  test('of versions without an image size mean the model’s own', () => {
    const { size: _, ...sampling } = spec.sampling;
    expect(read({ ...spec, sampling })).toEqual(spec);
  });
});
