// What comes before and after the networks, against T2I-CompBench's own code.

import { describe, expect, test } from 'vitest';
import { blipScore, fourDecimals } from '../../../src/metrics/blip/aggregate.ts';
import { askedPhrases, questionOf } from '../../../src/metrics/blip/questions.ts';
import { nounPhrases, pairOfPhrases } from '../../../src/metrics/language/nounPhrases.ts';
import { alwaysZero, taggedWords } from '../../../src/metrics/spatial/promptObjects.ts';
import { iou, scoreSpatial, type TaggedWord } from '../../../src/metrics/spatial/unidetRule.ts';
import { complexGroup, threeInOne } from '../../../src/metrics/t2i/complexPrompts.ts';
import golden from '../../golden/metrics/rules.json';
import '../../helpers/toBeAllClose.ts';

describe('noun phrases', () => {
  test.each(golden.nounPhrases as [string, string[]][])('%s', async (prompt, chunks) => {
    expect(await nounPhrases(prompt)).toEqual(chunks);
  });

  test.each([
    ['The bold, dramatic strokes of the brush', ['The bold, dramatic strokes', 'the brush']],
    ['Two kids are playing soccer on the green field.', ['Two kids', 'soccer', 'the green field']],
    ['A dog is chasing its tail', ['A dog', 'its tail']],
    ['a horse on the left of a book', ['a horse', 'the left', 'a book']],
    ['a yellow post-it with a blue clipboard', ['a yellow post-it', 'a blue clipboard']],
    ['', []],
    ['running fast', []],
  ])('of a sentence: %s', async (prompt, chunks) => {
    expect(await nounPhrases(prompt)).toEqual(chunks);
  });

  test('a pair is not read where a phrase says more than a thing', () => {
    expect(pairOfPhrases('a cat on a mat and a dog')).toBeNull();
    expect(pairOfPhrases('a cat, a bird and a dog')).toBeNull();
    expect(pairOfPhrases('a red cat and a dog.')).toEqual(['a red cat', 'a dog']);
  });
});

test.each(golden.unidet.map((entry) => [entry.id, entry] as const))('spatial rule, case %i', (_, entry) => {
  const detections = entry.boxes.map((box, i) => ({
    box: box as [number, number, number, number],
    label: entry.labels[i] as string,
    score: entry.scores[i] as number,
  }));
  const found = scoreSpatial(entry.prompt, entry.tokens as unknown as TaggedWord[], detections, {
    complex: entry.complex,
  });
  expect(found.locality).toBe(entry.locality);
  expect(found.objects).toEqual(entry.object1 === null ? null : [entry.object1, entry.object2]);
  expect([found.position ?? -1, found.score]).toBeAllClose([entry.position_score ?? -1, entry.score], {
    atol: 1e-9,
  });
});

test.each([
  ['a dog near a cat', false],
  ['a girl on the left of a train', false],
  ['a wallet near a dog', true],
  ['a dog on top of a chair', true],
])('whether the benchmark can score %s at all', async (prompt, hopeless) => {
  const { objects, locality } = scoreSpatial(prompt, await taggedWords(prompt), [], { complex: false });
  expect(objects).toHaveLength(2);
  expect(alwaysZero(objects, locality)).toBe(hopeless);
});

test('boxes that do not meet have no intersection', () => {
  expect(iou([0, 0, 1, 1], [2, 0, 3, 1])).toBe(0);
  expect(iou([0, 0, 2, 2], [0, 0, 2, 2])).toBe(1);
  expect(iou([0, 0, 2, 2], [1, 0, 3, 2])).toBeCloseTo(1 / 3, 12);
});

test.each(golden.blip.map((entry, i) => [i, entry] as const))('BLIP-VQA of picture %i', (_, entry) => {
  const phrases = askedPhrases(entry.chunks);
  const questions = [...phrases.map(questionOf), ...new Array<string>(8 - phrases.length).fill('')];
  expect(questions).toEqual(entry.questions);
  expect(blipScore(entry.probabilities.slice(0, phrases.length)).text).toBe(entry.answer);
});

test("numbers are written as Python's format writes them", () => {
  // Literals of Python 3.11: ['{:.4f}'.format(x) for x in (...)]
  const written = [0.03125, 0.09375, 0.15625, 0.5, 1, 0.00005, 0.99995, 0.12345].map(fourDecimals);
  expect(written).toEqual(['0.0312', '0.0938', '0.1562', '0.5000', '1.0000', '0.0001', '1.0000', '0.1235']);
});

test('3-in-1', () => {
  const groups = { spatial: 'spatial', action: 'action', spatial_and_action: 'both' } as const;
  for (const { group, blip_vqa, unidet, clip, three_in_one } of golden.threeInOne) {
    const scores = blip_vqa.map((text, i) =>
      threeInOne(
        { blipVqa: Number(text), unidet: unidet[i] as number, clip: clip[i] as number },
        groups[group as keyof typeof groups],
      ),
    );
    expect(scores).toBeAllClose(three_in_one, { atol: 1e-12 });
  }
});

test('kinds of complex prompts', () => {
  const kinds = { s: 'spatial', a: 'action', b: 'both' } as const;
  for (const [prompt, letter] of golden.complexGroups as [string, keyof typeof kinds][]) {
    expect(complexGroup(prompt)).toBe(kinds[letter]);
  }
  expect(complexGroup('a prompt of no list')).toBeNull();
});
