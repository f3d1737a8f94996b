import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseImageFolder, writeImageFolder } from '../../../src/formats/imageFolder.ts';
import { StudioError } from '../../../src/lib/errors.ts';

const read = (text: string) => parseImageFolder('metadata.jsonl', text);

it('reads the ImageFolder convention', () => {
  const text =
    '\uFEFF{"file_name":"a.png","text":" a red cube ","score":3}\r\n\r\n{"file_name":"sub/b.png","text":"x"}';
  expect(read(text)).toEqual([
    { fileName: 'a.png', text: 'a red cube' },
    { fileName: 'sub/b.png', text: 'x' },
  ]);
});

it('writes one object per line', () => {
  const rows = [{ fileName: 'a.png', text: 'a "red"\ncube', extra: { seed: 7, score: 0.5 } }];
  expect(writeImageFolder(rows)).toBe(
    '{"file_name":"a.png","text":"a \\"red\\"\\ncube","seed":7,"score":0.5}\n',
  );
});

describe('refusals', () => {
  const row = (fileName: string) => JSON.stringify({ file_name: fileName, text: 'x' });
  it.each([
    ['', 1],
    [`${row('a.png')}\n{"file_name":`, 2],
    [`${row('a.png')}\n[]`, 2],
    [`${row('a.png')}\n{"file_name":"b.png"}`, 2],
    [`${row('a.png')}\n{"file_name":3,"text":"x"}`, 2],
    [`${row('a.png')}\n\n${row('a.png')}`, 3],
  ])('%j is wrong in line %i', (text, line) => {
    expect(() => read(text)).toThrow(
      expect.objectContaining({ code: 'image-folder-malformed', where: `metadata.jsonl, line ${line}` }),
    );
  });

  it.each([
    '../a.png',
    '/a.png',
    'a/../b.png',
    'C:\\a.png',
    'a\\b.png',
    'a//b.png',
    './a.png',
    '',
    'a\0.png',
  ])('the name %j could lead out of the folder', (name) => {
    expect(() => read(row(name))).toThrow(expect.objectContaining({ code: 'image-folder-malformed' }));
  });

  it('are the only thing that escapes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.string().map(row)), (text) => {
        try {
          read(text);
        } catch (error) {
          expect(error).toBeInstanceOf(StudioError);
        }
      }),
    );
  });
});

it('returns what was written', () => {
  const name = fc.stringMatching(/^[a-z0-9_-]{1,9}\.png$/);
  const text = fc.string().map((caption) => caption.trim());
  const rows = fc.uniqueArray(fc.record({ fileName: name, text }), {
    selector: ({ fileName }) => fileName,
    minLength: 1,
  });
  fc.assert(
    fc.property(rows, (images) => {
      expect(read(writeImageFolder(images))).toEqual(images);
    }),
  );
});
