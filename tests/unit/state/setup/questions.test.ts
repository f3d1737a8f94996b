// Phrases that BLIP-VQA asks about, as they are written on the page and kept in a run.

import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { strictSpecSchema } from '../../../../src/contract/runSchema.ts';
import { setPhrases, toggleMetric } from '../../../../src/state/setup/metrics.ts';
import { phrasesOf, withPhrases } from '../../../../src/state/setup/questions.ts';
import { buildSpec, useSettings } from '../../../../src/state/setup/settings.ts';

test('a line is a phrase; empty ones ask nothing, and no more than eight are asked', () => {
  expect(phrasesOf(' a red cup\n\n  a bowl \n')).toEqual(['a red cup', 'a bowl']);
  expect(phrasesOf('')).toEqual([]);
  expect(phrasesOf('abcdefghij'.split('').join('\n'))).toHaveLength(8);
});

test('what was found, written again, is no change', () => {
  const edited = withPhrases({}, 'p', ['a'], ['b']);
  expect(edited).toEqual({ p: ['a'] });
  expect(withPhrases(edited, 'p', ['b'], ['b'])).toEqual({});
  expect(withPhrases(edited, 'p', [], ['b'])).toEqual({ p: [] });
  expect(withPhrases(edited, 'q', ['c'], undefined)).toEqual({ p: ['a'], q: ['c'] });
});

describe('changed phrases', () => {
  const metrics = () => buildSpec(useSettings.getState(), ['p']).metrics;

  test('go into the run with the metric, and leave no trace when all are as found', () => {
    toggleMetric('blip-vqa', true);
    setPhrases('blip-vqa', { p: ['a'] });
    expect(metrics()).toEqual([{ name: 'blip-vqa', model: null, phrases: { p: ['a'] } }]);
    expect(v.is(strictSpecSchema, buildSpec(useSettings.getState(), ['p']))).toBe(true);
    setPhrases('blip-vqa', {});
    expect(metrics()).toEqual([{ name: 'blip-vqa', model: null }]);
    toggleMetric('blip-vqa', false);
    expect(metrics()).toBeUndefined();
  });

  test.each([
    ['more than are ever asked', { p: Array.from({ length: 9 }, (_, i) => `a ${i}`) }],
    ['an empty one', { p: [''] }],
    ['what is no list', { p: 'a' }],
  ])('are refused in a run file: %s', (_, phrases) => {
    const spec = {
      ...buildSpec(useSettings.getState(), ['p']),
      metrics: [{ name: 'blip-vqa', model: null, phrases }],
    };
    expect(v.is(strictSpecSchema, spec)).toBe(false);
  });
});
