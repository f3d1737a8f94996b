// Texts as CLIP reads them: cleaned by ftfy and html.unescape, and cut with the made-up vocabulary of golden/metrics.

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cleanText } from '../../../src/models/text/clean/cleanText.ts';
import { makeTokenizer } from '../../../src/models/text/tokenizer.ts';

const read = (path: string): string => readFileSync(new URL(`../../golden/${path}`, import.meta.url), 'utf8');
const table = JSON.parse(read('clipTexts.json')) as { text: string; cleaned: string; ids: number[] }[];
const config = { model_max_length: 400 };
const files = { vocab: read('metrics/clip_bpe/vocab.json'), merges: read('metrics/clip_bpe/merges.txt') };
const tokenizer = makeTokenizer({ ...files, config: JSON.stringify(config) }, 400);
const words = (text: string): readonly number[] => {
  const { ids, used } = tokenizer.encode(text);
  return ids.slice(1, used + 1);
};

test('a table of 200 texts is cleaned and cut as CLIP does', () => {
  expect(table).toHaveLength(200);
  for (const { text, cleaned, ids } of table) {
    expect(cleanText(text), JSON.stringify(text)).toBe(cleaned);
    expect(words(text), JSON.stringify(text)).toEqual(ids);
  }
});

test('the cases of the official tokenizers are met', () => {
  const { cases } = JSON.parse(read('metrics/clip_bpe/cases.json')) as {
    cases: { text: string; ids: number[] }[];
  };
  expect(cases.length).toBeGreaterThan(20);
  for (const { text, ids } of cases) expect(words(text), text).toEqual(ids);
});

describe('a text', () => {
  test.each([
    ['a red car &amp; a blue bus', 'a red car & a blue bus'],
    ['caf\u00c3\u00a9', 'caf\u00e9'],
    ['\u201cred\u201d \u2018car\u2019', `"red" 'car'`],
    ['\ufb01ne', 'fine'],
    ['\uff32\uff25\uff24', 'RED'],
    ['zero\u200bwidth', 'zero\u200bwidth'],
    ['\ufeffbom', 'bom'],
    // Angle brackets say that it is HTML already, which is then only unescaped at the end.
    ['1 < 2 &amp; 3', '1 < 2 & 3'],
    ['&EACUTE;t&eacute;', '\u00c9t\u00e9'],
    ['na\u00efve \u00c5ngstr\u00f6m', 'na\u00efve \u00c5ngstr\u00f6m'],
  ])('%j is read as %j', (text, cleaned) => {
    expect(cleanText(text)).toBe(cleaned);
  });

  test('that is plain ASCII without entities stays, but for white space and controls', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii' }), (text) => {
        fc.pre(!text.includes('&'));
        expect(cleanText(text)).toBe(text.replace(/\s+/g, ' ').trim());
      }),
      { seed: 2 },
    );
  });

  test('of any kind is cleaned for good', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0x10ffff }), { maxLength: 60 }), (codes) => {
        const text = String.fromCodePoint(...codes);
        fc.pre(!text.includes('&'));
        const cleaned = cleanText(text);
        expect(cleanText(cleaned)).toBe(cleaned);
        expect(/\p{Surrogate}/u.test(cleaned)).toBe(false);
      }),
      { seed: 3, numRuns: 500 },
    );
  });
});
