// 3-in-1 from what was measured of an image, and what is measured again.

import { describe, expect, test } from 'vitest';
import type { Measured, MetricRecord } from '../../../src/contract/events.ts';
import { BARE, isMeasured, withDerived } from '../../../src/metrics/measure.ts';
import type { Meter } from '../../../src/metrics/metric.ts';
import { unidetStyle } from '../../../src/metrics/t2iMetrics.ts';

const clip: Measured = { value: 0.3, parts: { [BARE]: 0.2 } };
const blip: Measured = { value: 0.6 };
const spatial: Measured = { value: 0.7 };

describe('3-in-1 with a UniDet-style spatial score', () => {
  const action = 'The black phone was resting on the brown charger.';
  const places = 'The fluffy cat is on the left of the soft pillow.';
  const both = 'The crisp green lettuce lay next to the juicy red tomato.';
  const all = { 'blip-vqa': blip, 'unidet-style': spatial, clip };
  test.each([
    ['an action: CLIP and BLIP', action, all, 0.4],
    ['an action needs no spatial score', action, { 'blip-vqa': blip, clip }, 0.4],
    ['places: BLIP and the spatial score', places, all, 0.65],
    ['both: all three', both, all, 0.5],
    [
      'the port of BLIP stands in for the original',
      places,
      { ...all, 'blip-vqa': undefined, 'blip-vqa-384': blip },
      0.65,
    ],
  ] as const)('%s', async (_, prompt, record, expected) => {
    const found = await withDerived(record as unknown as MetricRecord, prompt);
    expect(found['3-in-1-style']?.value).toBeCloseTo(expected, 12);
  });

  test.each([
    ['a spatial score that was not measured', places, { 'blip-vqa': blip, clip }],
    [
      'a CLIPScore of another version, with adjectives alone',
      action,
      { 'blip-vqa': blip, clip: { value: 0.3 } },
    ],
    ['a prompt outside the lists', 'a dog near a cat', all],
  ] as const)('is not there for %s', async (_, prompt, record) => {
    expect(await withDerived(record, prompt)).toBe(record);
  });
});

describe('what is measured', () => {
  const asking = (asks: readonly string[] | null) =>
    ({ metric: unidetStyle, asks: async () => asks }) as unknown as Meter;
  const asked = (...questions: string[]): MetricRecord => ({
    'unidet-style': { value: 1, asked: questions.map((question) => ({ question, probability: 1 })) },
  });
  test.each([
    ['is not there', ['a?'], {}, false],
    ['asked the same', ['a?', 'b?'], asked('a?', 'b?'), true],
    ['asked something else', ['a?', 'c?'], asked('a?', 'b?'), false],
    ['asked less', ['a?'], asked('a?', 'b?'), false],
    ['did not keep what it asked', ['a?'], { 'unidet-style': { value: 1 } }, false],
    ['asks nothing', [], { 'unidet-style': { value: 1 } }, true],
    ['has nothing to say', null, {}, true],
  ] as const)('%s', async (_, asks, record, expected) => {
    expect(await isMeasured(asking(asks), record, 'p')).toBe(expected);
  });
});
