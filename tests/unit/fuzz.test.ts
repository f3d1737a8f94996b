// The short form of `npm run fuzz`: some hundred cases of every parser, and every input that ever failed.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { StudioError } from '../../src/lib/errors.ts';
import { type Fault, runCases } from '../../tools/fuzz/cases.ts';
import { tokenize } from '../../tools/fuzz/compared.ts';
import { plainBpe } from '../../tools/fuzz/second/clipBpe.ts';
import { faultOf } from '../../tools/fuzz/target.ts';
import { TARGETS } from '../../tools/fuzz/targets.ts';

const CASES = 400;
const corpus = new URL('../corpus/', import.meta.url);

describe.each(TARGETS.map((target, number) => ({ ...target, number })))('$name', ({ number, ...target }) => {
  test('reads what it should', async () => {
    const refused = [];
    for (const seed of target.seeds) refused.push(await faultOf(target, seed));
    expect(refused.filter((problem) => problem !== null)).toEqual([]);
  });

  test('reads or refuses everything else', async () => {
    const faults: string[] = [];
    const fault = ({ index, problem }: Fault) => faults.push(`${index}: ${problem}`);
    await runCases(target, number, { seed: 0, from: 0, count: CASES }, null, { fault });
    expect(faults).toEqual([]);
  }, 60_000);

  test('and all that failed once', async () => {
    const folder = new URL(`${target.name}/`, corpus);
    const files = existsSync(folder) ? readdirSync(folder) : [];
    for (const file of files) {
      expect(await faultOf(target, new Uint8Array(readFileSync(new URL(file, folder)))), file).toBeNull();
    }
  });
});

test('every folder of the corpus belongs to a parser', () => {
  const folders = readdirSync(corpus, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const names = TARGETS.map(({ name }) => name);
  expect(folders.map(({ name }) => name).filter((name) => !names.includes(name))).toEqual([]);
});

test('faults are seen: raw errors, errors that tell nothing, and implementations that differ', async () => {
  const faultOfError = (error: unknown) => {
    const read = () => {
      throw error;
    };
    return faultOf({ name: 'x', seeds: [], tokens: [], read }, new Uint8Array(0));
  };
  expect(await faultOfError(new TypeError('x is undefined'))).toBe('TypeError: x is undefined');
  expect(await faultOfError('text')).toBe('thrown: text');
  expect(await faultOfError(new StudioError('some-code', 'A sentence.', { remedy: '' }))).toContain(
    'some-code',
  );
  expect(await faultOfError(new StudioError('some-code', 'A sentence.', { remedy: 'Do it.' }))).toBeNull();
  const wrong = { maxTokens: 77, encode: () => ({ ids: [0, 1, 2], used: 1, dropped: 0 }) };
  const bpe = plainBpe({ vocab: '{"a</w>":0}', merges: '' }, { specials: [], clean: (text) => text });
  expect(() => tokenize(wrong, bpe, new TextEncoder().encode('a'))).toThrow('tokens: [1] and [0]');
});
