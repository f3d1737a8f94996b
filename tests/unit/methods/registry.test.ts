import { describe, expect, test } from 'vitest';
import { ROUND_STAGES } from '../../../src/contract/events.ts';
import { accepts } from '../../../src/contract/field.ts';
import { presetSettings } from '../../../src/contract/presets.ts';
import { chosenMethod, drawingMethod, METHODS } from '../../../src/methods/registry.ts';

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
