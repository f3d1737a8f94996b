import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findSpans } from '../../../src/prompts/align.ts';
import { readPrompt } from '../../../src/prompts/reading.ts';
import golden from '../../golden/methods/phraseSpans.json';

describe('the grammar', () => {
  test.each([
    ['a red car and a white sheep', ['car', 'sheep'], ['a red car', 'a white sheep']],
    [
      'a red teddy bear in a christmas hat sitting next to a glass',
      ['bear', 'hat', 'glass'],
      ['a red teddy bear in a christmas hat', 'a red teddy bear', 'a christmas hat', 'a glass'],
    ],
    // The tagger takes the fruit for a color.
    ['a blue cup and a red orange', ['cup', 'orange'], ['a blue cup', 'a red orange']],
    // Places are no objects, and what follows the noun is not its phrase.
    ['a bee on the left of a refrigerator', ['bee', 'refrigerator'], ['a bee', 'a refrigerator']],
    ['a girl next to a cow', ['girl', 'cow'], ['a girl', 'a cow']],
    ['two cats, a dog and a bird', ['cats', 'dog', 'bird'], ['two cats', 'a dog', 'a bird']],
    ['the smooth wall and the textured rug', ['wall', 'rug'], ['the smooth wall', 'the textured rug']],
    // The prompt as a whole is no phrase of itself.
    ['three red cubes', ['cubes'], []],
    ['dog', ['dog'], []],
    ['', [], []],
  ])('reads %j', async (text, objects, phrases) => {
    expect(await readPrompt(text)).toEqual({ objects, phrases });
  });

  test('reads any text, and only words that stand in it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 80 }), async (text) => {
        const { objects, phrases } = await readPrompt(text);
        for (const part of [...objects, ...phrases]) expect(text).toContain(part);
        expect(await readPrompt(text)).toEqual({ objects, phrases });
      }),
    );
  });
});

describe('spans', () => {
  // Upstream's own functions on trees written by hand; the first phrase is the prompt itself, which is not aligned.
  test.each(golden.map((one) => [one.prompt, one] as const))(
    'of phrases as upstream finds them: %s',
    (_, one) => {
      const words: string[][] = [[]];
      for (const token of one.clip_tokens) {
        (words.at(-1) as string[]).push(token);
        if (token.endsWith('</w>')) words.push([]);
      }
      const ofWord = new Map(words.map((pieces) => [pieces.join('').replace('</w>', ''), pieces]));
      // CLIP splits at hyphens too.
      const parts = one.phrases
        .slice(1)
        .map((phrase) =>
          (phrase.match(/'s|[\p{L}]+|[^\s\p{L}]+/gu) ?? []).flatMap((word) => ofWord.get(word) ?? [word]),
        );
      expect(findSpans(one.clip_tokens, parts)).toEqual(one.spans.slice(1));
    },
  );

  test('of what is given twice are two, and of what is not there none', () => {
    const tokens = ['a', 'dog', 'and', 'a', 'dog'];
    expect(findSpans(tokens, [['dog'], ['a', 'dog'], ['dog'], ['dog'], ['cat'], []])).toEqual([
      [1, 2],
      [0, 2],
      [4, 5],
      null,
      null,
      null,
    ]);
  });
});
