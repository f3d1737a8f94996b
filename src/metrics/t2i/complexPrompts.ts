/**
 * T2I-CompBench's complex prompts: which are about places, about actions, or about both (its own lists, as the CRC-32 of
 * each prompt's key and a letter), and their score.
 */
import { crc32 } from '../../lib/crc32.ts';
import table from './complexGroups.json';

/** `spatial`: attributes and places. `action`: attributes and actions. `both`: all three. */
export type ComplexGroup = 'spatial' | 'action' | 'both';

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

type ThreeScores = { readonly blipVqa: number; readonly unidet: number; readonly clip: number };

/** Its score of complex prompts (3_in_1_eval/3_in_1.py): the mean of those metrics that their kind needs. */
export function threeInOne({ blipVqa, unidet, clip }: ThreeScores, group: ComplexGroup): number {
  switch (group) {
    case 'spatial':
      return (unidet + blipVqa) / 2;
    case 'action':
      return (clip + blipVqa) / 2;
    case 'both':
      return (blipVqa + unidet + clip) / 3;
    default:
      return group satisfies never;
  }
}

/** What prompts are looked up by: the text before the first full stop, in lower case. */
function complexKey(prompt: string): string {
  return (prompt.split('.')[0] as string).toLowerCase();
}
