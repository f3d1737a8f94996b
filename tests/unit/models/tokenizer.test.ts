import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { makeTokenizer } from '../../../src/models/text/tokenizer.ts';

const folder = new URL('../../golden/tokenizer/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8');
const files = {
  vocab: read('vocab.json'),
  merges: read('merges.txt'),
  config: read('tokenizer_config.json'),
};
const tokenizer = makeTokenizer(files, 24);

const START = 599;
const END = 600;
const PAD = 0; // "!", as in SD-2.x

/** Ids between start and end. */
function words(text: string): readonly number[] {
  const { ids, used } = tokenizer.encode(text);
  expect(ids).toHaveLength(24);
  expect([ids[0], ids[used + 1]]).toEqual([START, END]);
  expect(ids.slice(used + 2).every((id) => id === PAD)).toBe(true);
  return ids.slice(1, used + 1);
}

// A byte b has the id of its place in the byte alphabet, and 256 more at the end of a word; the n-th line of merges.txt
// (from 0, without the version line) makes the token 512 + n.
describe('the CLIP tokenizer', () => {
  test('finds whole words', () => {
    expect(words('a red circle')).toEqual([320, 585, 545]);
    expect(tokenizer.encode('a red circle')).toMatchObject({ used: 3, dropped: 0 });
  });

  test('merges in the order of the list', () => {
    // t r i a n g l e s</w> -> ri (line 0), an (1), ang (5); no line joins what is left.
    expect(words('triangles')).toEqual([83, 512, 517, 75, 68, 338]);
    // Nothing in the list joins c, a and t.
    expect(words('cat')).toEqual([66, 64, 339]);
  });

  test('ignores case and kinds of white space', () => {
    expect(words('  A\tRed\r\n circle ')).toEqual(words('a red circle'));
  });

  test('splits punctuation, single digits and contractions', () => {
    expect(words('red,blue?')).toEqual([585, 267, 539, 286]);
    expect(words('12')).toEqual([272, 273]);
    expect(words("cat's")).toEqual([66, 64, 339, 6, 338]);
  });

  test('spells other letters in bytes, composed first', () => {
    // e with acute accent is C3 A9, which the byte alphabet shows as two Latin-1 letters.
    expect(words('caf\u00e9')).toEqual([66, 64, 69, 127, 358]);
    expect(words('cafe\u0301')).toEqual(words('caf\u00e9'));
    expect(words('\u{1f534}')).toHaveLength(4); // F0 9F 94 B4
  });

  test('reads special tokens written in a prompt as such, like transformers', () => {
    expect(words('red<|endoftext|>blue')).toEqual([585, END, 539]);
  });

  // transformers 4.44, CLIPTokenizer with pad_token "!": every "!" is the padding token, wherever it stands.
  test('reads the padding token in a prompt as such', () => {
    expect(words('red,blue!')).toEqual([585, 267, 539, PAD]);
    expect(words('red!blue !! a')).toEqual([585, PAD, 539, PAD, PAD, 320]);
    // What becomes "!" by cleaning is one like others: specials are found before.
    expect(words('red&excl;')).toEqual([585, 256]);
    expect(words('red\uff01')).toEqual([585, 256]);
    const ordinary = makeTokenizer({ ...files, config: '{"model_max_length":77}' }, 24);
    expect(ordinary.encode('red!!').ids.slice(1, 4)).toEqual([585, 0, 256]);
  });

  test('pads the empty prompt', () => {
    const { ids, used, dropped } = tokenizer.encode('');
    expect([ids[0], ids[1], used, dropped]).toEqual([START, END, 0, 0]);
    expect(ids.slice(2)).toEqual(new Array(22).fill(PAD));
  });

  test('cuts what does not fit, and counts it', () => {
    const long = tokenizer.encode(new Array(30).fill('red').join(' '));
    expect(long.ids).toEqual([START, ...new Array(22).fill(585), END]);
    expect(long).toMatchObject({ used: 22, dropped: 8 });
    expect(tokenizer.encode(new Array(22).fill('red').join(' '))).toMatchObject({ used: 22, dropped: 0 });
  });

  test('takes the shorter of both lengths, and the padding of the config', () => {
    const config = JSON.stringify({ model_max_length: 77, pad_token: { content: '<|endoftext|>' } });
    const other = makeTokenizer({ ...files, config }, 5);
    expect(other.encode('red')).toMatchObject({ ids: [START, 585, END, END, END] });
    expect(makeTokenizer({ ...files, config: '{"model_max_length":4}' }, 77).maxTokens).toBe(4);
  });

  // SD-2.x repositories name <|endoftext|> in the config and "!" in the map; transformers pads with "!".
  test('pads as special_tokens_map.json says, unless the config lists its added tokens', () => {
    const last = (config: object, special?: object): number | undefined =>
      makeTokenizer(
        { ...files, config: JSON.stringify(config), special: special && JSON.stringify(special) },
        8,
      )
        .encode('a')
        .ids.at(-1);
    const config = { pad_token: '<|endoftext|>' };
    expect(last(config)).toBe(END);
    expect(last(config, { pad_token: '!' })).toBe(PAD);
    expect(last(config, { pad_token: { content: '!' } })).toBe(PAD);
    expect(last(config, {})).toBe(END);
    expect(last({ ...config, added_tokens_decoder: {} }, { pad_token: '!' })).toBe(END);
  });

  test('names what is wrong with its files', () => {
    const broken = (change: Partial<typeof files>) => () => makeTokenizer({ ...files, ...change }, 24);
    expect(broken({ vocab: '{' })).toThrow('vocab.json: it is not valid JSON');
    expect(broken({ vocab: '{"a":-1}' })).toThrow('vocab.json');
    expect(broken({ vocab: '{"a":0}' })).toThrow('<|startoftext|>');
    expect(broken({ config: '{"model_max_length":1}' })).toThrow('tokenizer_config.json');
    expect(broken({ config: '{"model_max_length":76.5}' })).toThrow('tokenizer_config.json');
  });

  test('takes no special token from what every object has', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      const config = JSON.stringify({ bos_token: name });
      expect(() => makeTokenizer({ ...files, config }, 24)).toThrow(
        `it has no entry for the special token ${name}`,
      );
    }
  });

  test('refuses merges that are no pairs of entries', () => {
    for (const line of ['a', 'a b c', ' a', 'nowhere b']) {
      expect(() => makeTokenizer({ ...files, merges: `#version: 0.2\n${line}\n` }, 24)).toThrow(
        'merges.txt: line 2',
      );
    }
  });
});
