// Rank correlation with ties. The file writes NaN, where a variable is constant, as null.

import * as v from 'valibot';
import { kendallTauB } from '../../../src/lib/stats.ts';
import type { OracleFiles } from '../oracle.ts';
import { type Report, tolerancesOf } from '../report.ts';

const entrySchema = v.object({ file: v.string(), cases: v.optional(v.number()) });

const fileSchema = v.object({
  cases: v.array(
    v.object({
      name: v.string(),
      x: v.array(v.number()),
      y: v.array(v.number()),
      tau_b: v.nullable(v.number()),
    }),
  ),
});

export async function runKendall(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const { file, cases: announced } = v.parse(entrySchema, entry);
  const { atol } = tolerancesOf(entry, ['atol']);
  const { cases } = v.parse(fileSchema, await io.json(file));
  if (announced !== undefined) report.equal('count', 'cases in the file', cases.length, announced);
  for (const { name, x, y, tau_b } of cases) {
    report.closeNumber(name, 'tau_b', kendallTauB(x, y), tau_b ?? Number.NaN, { atol });
  }
}
