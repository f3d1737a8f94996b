import { describe, expect, test } from 'vitest';
import { parsePrompt, promptText } from '../../../src/shapes/parse.ts';
import { samplePrompts, samplePromptTexts } from '../../../src/shapes/prompts.ts';
import { categoryOf, meaningKey, SPLITS, splitOf } from '../../../src/shapes/splits.ts';
import { CATEGORIES, COLORS, isUnseen, type ShapesPrompt, TEXTURES } from '../../../src/shapes/world.ts';

function parsed(text: string): ShapesPrompt {
  const prompt = parsePrompt(text);
  if (prompt === null) throw new Error(`outside the grammar: ${text}`);
  return prompt;
}

describe('reading prompts', () => {
  test('finds objects, attributes and relations', () => {
    expect(parsePrompt('a small red striped circle on the left of a blue square')).toEqual({
      objects: [
        { shape: 'circle', color: 'red', texture: 'striped', size: 'small' },
        { shape: 'square', color: 'blue', texture: null, size: null },
      ],
      relations: [{ relation: 'left', subject: 0, object: 1 }],
    });
  });

  test.each([
    ['A red circle, a blue square and a star.', 'a red circle and a blue square and a star'],
    ['the striped large circle under an orange ring', 'a big striped circle below an orange ring'],
    ['a star to the left of a cross', 'a star on the left of a cross'],
    ['a star is inside of a cross', 'a star inside a cross'],
  ])('is tolerant: %s', (text, plain) => {
    expect(promptText(parsed(text))).toBe(plain);
  });

  test.each([
    '',
    'a photo of a cat',
    'a red',
    'a red blue circle',
    'a circle next to a square',
    'a circle and',
    'two circles',
    'a red circle above',
  ])('refuses what it does not understand: "%s"', (text) => {
    expect(parsePrompt(text)).toBeNull();
  });

  test('writes what it reads, for every category and split', () => {
    for (const split of SPLITS) {
      for (const category of CATEGORIES) {
        for (const prompt of samplePrompts(split, category, 15, 4)) {
          expect(parsePrompt(promptText(prompt))).toEqual(prompt);
        }
      }
    }
  });
});

describe('splits', () => {
  test('share no meaning', () => {
    const owners = new Map<string, string>();
    for (const split of SPLITS) {
      for (const prompt of samplePrompts(split, 'mixed', 150, 1)) {
        const key = meaningKey(prompt);
        expect(owners.get(key) ?? split).toBe(split);
        owners.set(key, split);
      }
    }
    expect(owners.size).toBeGreaterThan(500);
  });

  test.each([
    ['a red circle and a blue star', 'a blue star and a red circle'],
    ['a red circle on the left of a blue star', 'a blue star on the right of a red circle'],
    ['a ring above a star', 'a star below a ring'],
    ['a ring touching a star', 'a star touching a ring'],
  ])('put %s with its mirror image', (text, mirror) => {
    expect(meaningKey(parsed(mirror))).toBe(meaningKey(parsed(text)));
    expect(splitOf(parsed(mirror))).toBe(splitOf(parsed(text)));
  });

  test('tell inside from its converse', () => {
    expect(meaningKey(parsed('a star inside a ring'))).not.toBe(meaningKey(parsed('a ring inside a star')));
  });

  test('keep unseen combinations out of training, and three objects in hard', () => {
    const names = (prompt: ShapesPrompt) => prompt.objects.map((one) => isUnseen(one.color, one.shape));
    expect(samplePrompts('train', 'mixed', 100, 2).flatMap(names)).not.toContain(true);
    for (const prompt of samplePrompts('unseen', 'color', 50, 2)) expect(names(prompt)).toContain(true);
    for (const prompt of samplePrompts('hard', 'mixed', 50, 2)) expect(prompt.objects).toHaveLength(3);
  });

  test('divide meanings about 70 : 10 : 20', () => {
    const counts = new Map<string, number>();
    let total = 0;
    for (const a of COLORS) {
      for (const b of COLORS) {
        for (const texture of TEXTURES) {
          const split = splitOf(parsed(`a ${a} ${texture} ring touching a ${b} cross`));
          if (split === 'unseen') continue;
          counts.set(split, (counts.get(split) ?? 0) + 1);
          total += 1;
        }
      }
    }
    // 147 meanings: the standard error of a share of 0.7 is 0.04.
    expect(Math.abs((counts.get('train') ?? 0) / total - 0.7)).toBeLessThan(0.1);
    expect(Math.abs((counts.get('val') ?? 0) / total - 0.1)).toBeLessThan(0.07);
  });
});

describe('sampling prompts', () => {
  test('gives distinct prompts of the category, the same for the same seed', () => {
    for (const category of CATEGORIES) {
      const prompts = samplePrompts('val', category, 12, 5);
      const texts = prompts.map(promptText);
      expect(new Set(texts).size).toBe(12);
      expect(samplePromptTexts('val', category, 12, 5)).toEqual(texts);
      expect(samplePromptTexts('val', category, 12, 6)).not.toEqual(texts);
      for (const prompt of prompts) expect([category, 'complex']).toContain(categoryOf(prompt));
    }
  });
});
