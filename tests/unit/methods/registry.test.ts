import { describe, expect, test } from 'vitest';
import { ROUND_STAGES } from '../../../src/contract/events.ts';
import { accepts } from '../../../src/contract/field.ts';
import { presetSettings } from '../../../src/contract/presets.ts';
import { setField } from '../../../src/contract/settings.ts';
import {
  checkEarlyStop,
  chosenMethod,
  drawingMethod,
  METHODS,
  runProblems,
} from '../../../src/methods/registry.ts';

describe.each(METHODS.map((method) => [method.name, method] as const))('%s', (_, method) => {
  test('names stages in the order of a round', () => {
    expect(method.stages).toEqual(ROUND_STAGES.filter((stage) => method.stages.includes(stage)));
  });

  test('accepts the defaults of its options, and says where they come from', () => {
    for (const option of method.options) {
      expect(accepts(option, option.default)).toBe(true);
      expect(option.origin).not.toBe('');
    }
    expect(chosenMethod({ name: method.name, options: {} }).method).toBe(method);
  });

  test('costs something, and trains exactly where it has that stage', () => {
    const { options } = chosenMethod({ name: method.name, options: {} });
    const { perImage, perUpdate } = method.cost(presetSettings('paper'), options);
    expect(perImage).toBeGreaterThan(0);
    expect(perUpdate > 0).toBe(method.stages.includes('train'));
  });
});

test('names are unique and fit for addresses', () => {
  const names = METHODS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z][a-z-]*[a-z]$/);
});

test('a run that names no method is MI-TUNE’s, drawn by guidance alone', () => {
  expect(chosenMethod(undefined).method.name).toBe('mi-tune');
  expect(drawingMethod({})).toBeNull();
});

test('unknown methods and options are refused by name', () => {
  expect(() => chosenMethod({ name: 'mi-tuna', options: {} })).toThrow(/"mi-tuna".*/);
  expect(() => chosenMethod({ name: 'mi-tune', options: { speed: 3 } })).toThrow(/speed/);
  expect(() => drawingMethod({ drawnBy: { name: 'mi-tune', options: {} } })).toThrow(/not a way of drawing/);
});

test('MI-TUNE costs what the paper’s settings say', () => {
  // 50 steps with and without the prompt; 400 samples forward and backward
  expect(chosenMethod(undefined).method.cost(presetSettings('paper'), {})).toEqual({
    perImage: 100,
    perUpdate: 1200,
  });
});

describe('early stopping', () => {
  const thinned = setField(presetSettings('demo'), 'selection.earlyStop', true);
  const spec = { version: 1, preset: 'custom', model: { kind: 'local', id: 'x' }, prompts: ['a'] } as const;
  const run = { ...spec, seed: 1, backend: 'auto', realImages: null, ...thinned } as const;
  const by = (name: string, options = {}) => ({ ...run, method: { name, options } });

  test.each(['mi-tune', 'mi-loss', 'hn-itm'])('is for %s, which trains on the best', (name) => {
    expect(runProblems(by(name))).toEqual([]);
    expect(() => checkEarlyStop(by(name))).not.toThrow();
  });

  test.each([
    ['mi-dpo', /MI-DPO learns from the candidates with least information/],
    ['negative-aware', /least information/],
    ['gors', /GORS weighs a candidate/],
    ['dpok', /DPOK rewards an image/],
    ['attend-and-excite', /selects nothing/],
  ] as const)('is refused with %s', (name, words) => {
    expect(runProblems(by(name))).toEqual([expect.stringMatching(words)]);
    expect(() => checkEarlyStop(by(name))).toThrow(
      expect.objectContaining({ code: 'early-stop-unfit', message: expect.stringMatching(words) }),
    );
    const whole = { ...by(name), selection: presetSettings('demo').selection };
    expect(() => checkEarlyStop(whole)).not.toThrow();
  });

  test('is refused where something else than MI selects, and for no way to measure it', () => {
    expect(() => checkEarlyStop(by('hn-itm', { reward: 'clip' }))).toThrow(/another score than MI/);
    const renoised = { ...run, score: { ...run.score, path: 'renoise' } } as const;
    expect(runProblems(renoised)).toEqual([]);
    expect(() => checkEarlyStop(renoised)).not.toThrow();
  });
});
