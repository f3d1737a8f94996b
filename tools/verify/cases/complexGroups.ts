// The kinds of T2I-CompBench's complex prompts.

import * as v from 'valibot';
import { groupLetters } from '../../../src/metrics/t2i/complexPrompts.ts';
import type { OracleFiles } from '../oracle.ts';
import type { Report } from '../report.ts';

const split = v.looseObject({ letters: v.string(), counts: v.record(v.string(), v.number()) });
const fileSchema = v.looseObject({ train: split, val: split });

export async function runComplexGroups(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const { file } = v.parse(v.looseObject({ file: v.string() }), entry);
  const { train, val } = v.parse(fileSchema, await io.json(file));
  for (const [name, expected] of Object.entries({ train, val })) {
    const letters = groupLetters(name as 'train' | 'val');
    report.equal(name, 'letters', letters, expected.letters);
    for (const [letter, count] of Object.entries(expected.counts)) {
      report.equal(name, `count of ${letter}`, letters.split(letter).length - 1, count);
    }
  }
}
