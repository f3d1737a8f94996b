/**
 * Which of T2I-CompBench's complex prompts are about places, about actions, or about both: its own lists, as the CRC-32
 * of each prompt's key (`complexKey`) and a letter.
 */
import { crc32 } from '../../lib/crc32.ts';
import table from './complexGroups.json';
import { type ComplexGroup, complexKey } from './threeInOne.ts';

const GROUPS: Readonly<Record<string, ComplexGroup>> = { s: 'spatial', a: 'action', b: 'both' };

type ComplexSplit = keyof typeof table;

/** A letter a prompt, in the order of complex_train.txt and complex_val.txt. */
export function groupLetters(split: ComplexSplit): string {
  return table[split].letters;
}

let byKey: ReadonlyMap<number, ComplexGroup> | null = null;

/** Null for prompts that are not in the benchmark's lists. */
export function complexGroup(prompt: string): ComplexGroup | null {
  byKey ??= readTable();
  return byKey.get(crc32(new TextEncoder().encode(complexKey(prompt)))) ?? null;
}

function readTable(): Map<number, ComplexGroup> {
  return new Map(
    Object.values(table).flatMap(({ letters, keys }) =>
      Array.from(letters, (letter, i): [number, ComplexGroup] => [
        Number.parseInt(keys.slice(8 * i, 8 * i + 8), 16),
        GROUPS[letter] as ComplexGroup,
      ]),
    ),
  );
}
