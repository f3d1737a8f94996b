// The short form of `npm run fuzz`: some hundred cases of every parser, and every input that ever failed.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { runCases } from '../../tools/fuzz/cases.ts';
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
    const faults = await runCases(target, number, { seed: 0, from: 0, count: CASES }, null);
    expect(faults.map(({ index, problem }) => `${index}: ${problem}`)).toEqual([]);
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

test('faults are seen: wrong errors, errors that tell nothing, and numbers that differ', async () => {
  const target = TARGETS[0];
  if (target === undefined) throw new Error('no targets');
  const input = new Uint8Array(0);
  const read = () => {
    throw new TypeError('x is undefined');
  };
  expect(await faultOf({ ...target, read }, input)).toBe('TypeError: x is undefined');
});
