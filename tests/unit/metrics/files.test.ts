// Files in and out: T2I-CompBench's names and results, detections, scores of other programs.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StudioError } from '../../../src/lib/errors.ts';
import { forRule, parseDetections } from '../../../src/metrics/spatial/coco.ts';
import { parseScores, scoreOf } from '../../../src/metrics/t2i/elsewhere.ts';
import {
  categoryMean,
  imageName,
  inOrder,
  parseImageName,
  parseResults,
  writeResults,
} from '../../../src/metrics/t2i/results.ts';

/** Runs a parser on anything; what is not a StudioError is a fault. */
function neverFaults(parse: (text: string) => unknown): void {
  const text = fc.oneof(
    fc.string(),
    fc.json(),
    fc.constantFrom('[{"file":"a"}', 'file,score\na', '{}', '[]', '[[]]'),
  );
  fc.assert(
    fc.property(text, (input) => {
      try {
        parse(input);
      } catch (error) {
        expect(error).toBeInstanceOf(StudioError);
      }
    }),
    { seed: 3, numRuns: 400 },
  );
}

describe('T2I-CompBench', () => {
  test('names go out and come back', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-zA-Z ,.']{1,40}$/), fc.nat(999_999), (prompt, index) => {
        expect(parseImageName(`samples/${imageName(prompt, index)}`)).toEqual({
          file: `samples/${imageName(prompt, index)}`,
          prompt,
          index,
        });
      }),
      { seed: 4 },
    );
    expect(imageName('a red cat', 7)).toBe('a red cat_000007.png');
    expect(parseImageName('a snake_case thing_000003.png')?.prompt).toBe('a snake');
    expect(parseImageName('notes.txt')).toBeNull();
    expect(inOrder(['b_000010.png', 'a_000002.png', 'x']).map(({ index }) => index)).toEqual([2, 10]);
  });

  test.each(['a_b', 'a/b', 'é'.repeat(130)])('refuses the prompt %s', (prompt) => {
    expect(() => imageName(prompt, 0)).toThrow(StudioError);
  });

  test('results go out and come back, as texts of 4 decimals too', () => {
    const rows = [
      { questionId: 0, answer: 0.25 },
      { questionId: 1, answer: 1 },
    ];
    expect(writeResults(rows, (x) => x.toFixed(4))).toBe(
      '[{"question_id":0,"answer":"0.2500"},{"question_id":1,"answer":"1.0000"}]',
    );
    expect(
      parseResults(
        writeResults(rows, (x) => x.toFixed(4)),
        'r',
      ),
    ).toEqual(rows);
    expect(parseResults(writeResults(rows, null), 'r')).toEqual(rows);
    expect(categoryMean([0.25, 1])).toBe(0.625);
    expect(() => parseResults('[{"question_id":0,"answer":"many"}]', 'r')).toThrow(/0\.answer/);
    expect(() => parseResults('[{"question_id":0,"answer":1},{"question_id":0,"answer":1}]', 'r')).toThrow(
      /one question_id/,
    );
    neverFaults((text) => parseResults(text, 'r'));
  });
});

describe('scores of other programs', () => {
  test('from CSV, by name or hash; columns that are not numbers are left out', () => {
    const hash = 'ab'.repeat(32);
    const csv = `file_name,prompt,score,vqa\r\ndir/a.png,"a, b",0.5,\r\nb.png,c,-1,2e-1\r\n`;
    const scores = parseScores(csv, 's.csv');
    expect(scores.map(({ name }) => name)).toEqual(['score', 'vqa']);
    const [score, vqa] = scores as [(typeof scores)[0], (typeof scores)[0]];
    expect(scoreOf(score, { fileName: 'x/a.png', hashes: [] })).toBe(0.5);
    expect(scoreOf(score, { fileName: 'b.png', hashes: [hash] })).toBe(-1);
    expect(scoreOf(vqa, { fileName: 'a.png', hashes: [] })).toBeNull();
    const [hashed] = parseScores(`sha256,s\n${hash.toUpperCase()},3\n`, 's.csv') as typeof scores;
    expect(scoreOf(hashed as (typeof scores)[0], { fileName: 'a.png', hashes: [hash] })).toBe(3);
  });

  test('that say of an image that there is no number', () => {
    const [score] = parseScores('file,s\na,1\nb,NaN\nc,None\n', 's');
    expect([...(score?.byImage ?? [])]).toEqual([['a', 1]]);
  });

  test('with a byte order mark, or blanks around the names of columns', () => {
    for (const text of ['\uFEFF{"a.png":1}', '\uFEFFfile,s\na.png,1\n', ' file , s \na.png,1\n'])
      expect([...(parseScores(text, 's')[0]?.byImage ?? [])]).toEqual([['a.png', 1]]);
  });

  test('from JSON: rows, or a map', () => {
    expect(parseScores('[{"image":"a.png","s":1}]', 's')[0]?.byImage.get('a.png')).toBe(1);
    expect(parseScores('{"d/a.png":0.5}', 's')[0]?.byImage.get('a.png')).toBe(0.5);
  });

  test.each([
    ['no images', 'prompt,score\na,1\n', /no column names the image/],
    ['no numbers', 'file,text\na,b\n', /numbers only/],
    ['an image twice', 'file,s\na,1\nx/a,2\n', /there twice/],
    ['a word among numbers', 'file,s\na,1\nb,2\nc,much\n', /row 3: s is “much”/],
    ['nothing', '', /no rows/],
  ])('refuses a table with %s', (_, text, message) => {
    expect(() => parseScores(text, 's')).toThrow(message);
  });

  test('never fault', () => neverFaults((text) => parseScores(text, 's')));
});

describe('detections', () => {
  const whole = {
    images: [{ id: 1, file_name: 'a.png' }],
    categories: [{ id: 3, name: 'dog' }],
    annotations: [
      { image_id: 1, category_id: 3, bbox: [10, 20, 30, 40], score: 0.9 },
      { image_id: 1, category_id: 3, bbox: [0, 0, 5, 5], score: 0.4 },
    ],
  };

  test('come from COCO, in pixels of the picture that UniDet sees', () => {
    const found = parseDetections(whole, 'd').get('a.png') ?? [];
    expect(found[0]).toEqual({ label: 'dog', score: 0.9, box: [10, 20, 40, 60] });
    expect(forRule(found, { height: 958, width: 958 })).toEqual([
      { label: 'dog', score: 0.9, box: [5, 10, 20, 30] },
    ]);
    // The longer side becomes 480.
    expect(forRule(found, { height: 480, width: 960 })[0]?.box).toEqual([5, 10, 20, 30]);
    const bare = [{ file_name: 'b.png', label: 'cat', bbox: [0, 0, 1, 1], score: 1 }];
    expect(parseDetections(bare, 'd').get('b.png')).toHaveLength(1);
  });

  test.each([
    [
      { ...whole, annotations: [{ image_id: 1, category_id: 9, bbox: [0, 0, 1, 1], score: 1 }] },
      /no name of a category/,
    ],
    [[{ category: 'dog', bbox: [0, 0, 1, 1], score: 1 }], /names no image/],
    [[{ image_id: 1, category: 'dog', bbox: [0, 0, 1], score: 1 }], /bbox/],
    [[{ image_id: 1, category: 'dog', bbox: [0, 0, 1, 1], score: 7 }], /score/],
    ['text', /./],
  ])('are refused when they are not COCO', (json, message) => {
    expect(() => parseDetections(json, 'd')).toThrow(message);
  });

  test('never fault', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        try {
          parseDetections(json, 'd');
        } catch (error) {
          expect(error).toBeInstanceOf(StudioError);
        }
      }),
      { seed: 8, numRuns: 300 },
    );
  });
});
