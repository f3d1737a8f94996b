import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PROMPT_LIMITS } from '../../../src/contract/prompt.ts';
import { parsePromptList } from '../../../src/formats/promptList.ts';
import { StudioError } from '../../../src/lib/errors.ts';

const read = (fileName: string, text: string) =>
  parsePromptList(fileName, text).prompts.map(({ text, line }) => [text, line]);

const TWO = [
  ['a red cube', 1],
  ['a blue ball', 2],
];

describe('.txt', () => {
  it.each([
    ['LF', 'a red cube\na blue ball'],
    ['LF at the end', 'a red cube\na blue ball\n'],
    ['CRLF', 'a red cube\r\na blue ball\r\n'],
    ['CR', 'a red cube\ra blue ball'],
    ['byte order mark', '\uFEFFa red cube\na blue ball'],
    ['tabs', 'a red cube\t3\tcolor\na blue ball\t4'],
    ['spaces around', '  a red cube \na blue ball\t'],
  ])('%s', (_, text) => {
    expect(read('list.TXT', text)).toEqual(TWO);
  });

  it('skips empty lines and keeps the numbers of the others', () => {
    expect(read('a.txt', '\n \na red cube\n\t\n\na blue ball')).toEqual([
      ['a red cube', 3],
      ['a blue ball', 6],
    ]);
  });

  it('keeps duplicates and says where they are', () => {
    const list = parsePromptList('a.txt', 'x\ny\nx \nz\ny\nx');
    expect(list.prompts).toHaveLength(6);
    expect(list.duplicates).toEqual([
      { text: 'x', lines: [1, 3, 6] },
      { text: 'y', lines: [2, 5] },
    ]);
  });

  it('keeps commas, quotation marks and letters of all scripts', () => {
    const text = 'a "red" cube, a ball\n一个红色的立方体 🟥';
    expect(read('a.txt', text).map(([prompt]) => prompt)).toEqual(text.split('\n'));
  });
});

describe('.csv', () => {
  it.each([
    ['header prompt', 'id,prompt\n1,a red cube\n2,a blue ball', 1],
    ['header Caption in CRLF', 'Caption,id\r\na red cube,1\r\na blue ball,2\r\n', 1],
    ['prompt before text', 'text,prompt\nx,a red cube\ny,a blue ball', 1],
    ['semicolons', 'id;prompt\n1;a red cube\n2;a blue ball', 1],
    ['tabs', 'id\tprompt\n1\ta red cube\n2\ta blue ball', 1],
    ['first column', 'a red cube,1\na blue ball,2', 0],
    ['one column', 'a red cube\na blue ball', 0],
    ['byte order mark and quoted header', '\uFEFF"prompt"\na red cube\na blue ball', 1],
    [
      'the line by which Excel is told the delimiter',
      'sep=;\r\nid;prompt\r\n1;a red cube\r\n2;a blue ball',
      2,
    ],
  ])('%s', (_, text, headerLines) => {
    expect(read('a.csv', text)).toEqual(TWO.map(([prompt, line]) => [prompt, Number(line) + headerLines]));
  });

  it.each([
    ['without a header', '1,a red cube\n2,a blue ball'],
    ['of one row', '1,a red cube'],
    ['alone', '1\n2\n3'],
  ])('refuses numbers in the place of prompts: %s', (_, text) => {
    expect(() => read('a.csv', text)).toThrow('a.csv, line 1: The first column holds numbers');
  });

  it('joins quoted fields over several lines, and counts those lines', () => {
    const text = 'prompt,category\n"a ""red"" cube,\r\na ball",color; shape\n\nnext,\n';
    expect(parsePromptList('a.csv', text).prompts).toEqual([
      { text: 'a "red" cube, a ball', line: 2, categories: ['color', 'shape'] },
      { text: 'next', line: 5 },
    ]);
  });

  it('warns of rows without a prompt and of prompts cut at a comma', () => {
    expect(parsePromptList('a.csv', 'prompt,id\n,7\nx,8').warnings).toEqual([
      'Line 2 has no prompt and was left out.',
    ]);
    expect(parsePromptList('a.csv', 'a red cube, a ball').warnings).toEqual([
      'Line 1 was cut at its first comma; put prompts with commas in quotation marks.',
    ]);
  });

  it.each([
    ['names of columns', 'id,description\n1,a red cube\n2,a blue ball', 'id, description'],
    ['names with semicolons', 'name;size\na red cube;1\n', 'name, size'],
    ['numbers in the first column', 'image number,what is seen\n1,a red cube\n2,a blue ball', 'image number'],
    ['numbers alone', 'n\n1\n2', 'n'],
  ])('without a column of prompts is refused, by %s', (_, text, columns) => {
    expect(() => read('a.csv', text)).toThrow(
      expect.objectContaining({
        code: 'prompts-no-column',
        where: 'a.csv, line 1',
        message: expect.stringContaining(columns),
      }),
    );
  });

  it.each([
    ['unclosed', 'prompt\nx\n"a red cube\n'],
    ['text after the closing mark', 'prompt\nx\n"a red" cube\n'],
  ])('names the line of an %s quotation', (_, text) => {
    expect(() => read('a.csv', text)).toThrow(
      expect.objectContaining({ code: 'prompts-malformed', where: 'a.csv, line 3' }),
    );
  });
});

describe('.jsonl', () => {
  it('reads prompt, caption, text and plain strings, with categories', () => {
    const text = [
      '{"prompt":"a","text":"b","categories":["color",3]}',
      '',
      '{"caption":"c","category":"shape"}',
      '{"file_name":"1.png","text":"d"}',
      '"e"',
    ].join('\r\n');
    expect(parsePromptList('a.jsonl', text).prompts).toEqual([
      { text: 'a', line: 1, categories: ['color'] },
      { text: 'c', line: 3, categories: ['shape'] },
      { text: 'd', line: 4 },
      { text: 'e', line: 5 },
    ]);
  });

  it.each([
    ['{"prompt":"a"}\n{"prompt":\n{"prompt":"b"}', 2],
    ['{"prompt":"a"}\n\n{"id":1}', 3],
    ['{"prompt":7}', 1],
    ['null', 1],
    [`"a"\n${'['.repeat(100_000)}`, 2],
  ])('names the bad line (%#)', (text, line) => {
    expect(() => read('a.jsonl', text)).toThrow(
      expect.objectContaining({
        code: 'prompts-malformed',
        message: expect.stringContaining(`a.jsonl, line ${line}: `),
        remedy: expect.stringContaining('{"prompt": "a red cube"}'),
      }),
    );
  });
});

describe('refusals', () => {
  const list = (count: number) => Array.from({ length: count }, (_, i) => `prompt ${i}`).join('\n');
  const png = new TextDecoder().decode(
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d),
  );

  it.each([
    ['an empty file', 'a.txt', '', 'prompts-empty', 'a.txt'],
    ['a file of blanks', 'a.txt', '\uFEFF \r\n\t\r\n', 'prompts-empty', 'a.txt'],
    ['a header alone', 'a.csv', 'prompt,id', 'prompts-empty', 'a.csv'],
    ['half a character', 'a.txt', 'x\ny \ud83d', 'prompts-not-text', 'a.txt, line 2'],
    ['an escaped NUL', 'a.jsonl', '"x"\n"\\u0000"', 'prompts-not-text', 'a.jsonl, line 2'],
    ['an image', 'a.txt', png, 'prompts-not-text', 'a.txt, line 1'],
    ['NUL bytes', 'a.txt', 'good\nba\0d', 'prompts-not-text', 'a.txt, line 2'],
    ['another encoding', 'a.txt', 'good\n\ngr\ufffdn', 'prompts-not-text', 'a.txt, line 3'],
    ['10,001 prompts', 'a.txt', list(10_001), 'prompts-too-many', 'a.txt, line 10001'],
    ['a huge line', 'a.txt', `x\n${'y'.repeat(1_000_000)}`, 'prompts-too-long', 'a.txt, line 2'],
    ['a huge file', 'a.txt', 'y\n'.repeat(PROMPT_LIMITS.fileCharacters), 'prompts-too-large', 'a.txt'],
    ['another kind of file', 'a.pdf', 'x', 'prompts-format', 'a.pdf'],
    ['no extension', 'list', 'x', 'prompts-format', 'list'],
    ['an extension like a property', 'a.constructor', 'x', 'prompts-format', 'a.constructor'],
  ])('%s', (_, fileName, text, code, where) => {
    expect(() => parsePromptList(fileName, text)).toThrow(
      expect.objectContaining({ code, where, message: expect.stringContaining(fileName) }),
    );
  });

  it('but not 10,000 prompts, nor one of 2,000 characters', () => {
    expect(parsePromptList('a.txt', list(10_000)).prompts).toHaveLength(10_000);
    expect(parsePromptList('a.txt', 'y'.repeat(2_000)).prompts).toHaveLength(1);
  });
});

describe('fuzz', () => {
  const extension = fc.constantFrom('txt', 'csv', 'jsonl');
  const piece = fc.oneof(
    fc.string(),
    fc.constantFrom('"', ',', '\n', '\r\n', '\t', ';', '{"prompt":"x"}', '\\', '\0'),
  );

  it('throws nothing but a StudioError, and returns usable prompts', () => {
    fc.assert(
      fc.property(extension, fc.array(piece), (kind, pieces) => {
        const text = pieces.join('');
        const lines = text.split(/\r\n|\n|\r/).length;
        try {
          for (const prompt of parsePromptList(`a.${kind}`, text).prompts) {
            expect(prompt.text.trim()).toBe(prompt.text);
            expect(prompt.text).not.toMatch(/[\r\n]/);
            expect(prompt.text).not.toBe('');
            expect(prompt.line).toBeGreaterThanOrEqual(1);
            expect(prompt.line).toBeLessThanOrEqual(lines);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(StudioError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('reads back what was written', () => {
    const prompt = fc.stringMatching(/^[a-z"',;:{} ]{1,20}$/).map((text) => `a ${text}`.trim());
    fc.assert(
      fc.property(fc.array(prompt, { minLength: 1 }), (prompts) => {
        const texts = (name: string, content: string) =>
          parsePromptList(name, content).prompts.map((p) => p.text);
        expect(texts('a.txt', prompts.join('\r\n'))).toEqual(prompts);
        expect(texts('a.jsonl', prompts.map((text) => JSON.stringify({ text })).join('\n'))).toEqual(prompts);
        const csv = ['prompt', ...prompts.map((text) => `"${text.replaceAll('"', '""')}"`)].join('\n');
        expect(texts('a.csv', csv)).toEqual(prompts);
      }),
    );
  });
});
