// Kendall's tau within prompts: MI against a metric on the images at three ranks.

import * as v from 'valibot';
import { kendallTauB } from '../../../src/lib/stats.ts';
import type { OracleFiles } from '../oracle.ts';
import { type Report, tolerancesOf } from '../report.ts';

const fileSchema = v.looseObject({
  mean_over_defined: v.number(),
  defined: v.number(),
  undefined: v.number(),
  cases: v.array(
    v.looseObject({
      id: v.number(),
      mi: v.array(v.number()),
      metric: v.array(v.number()),
      tau_b: v.nullable(v.number()),
    }),
  ),
});

export async function runKendallPerPrompt(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const { file } = v.parse(v.looseObject({ file: v.string() }), entry);
  const tolerance = tolerancesOf(entry, ['atol'], ['rtol']);
  const { cases, ...expected } = v.parse(fileSchema, await io.json(file));
  const taus = cases.map(({ mi, metric }) => kendallTauB(mi, metric));
  for (const [i, { id, tau_b }] of cases.entries()) {
    report.closeNumber(String(id), 'tau_b', taus[i] as number, tau_b ?? Number.NaN, tolerance);
  }
  const defined = taus.filter((tau) => !Number.isNaN(tau));
  report.equal('all', 'defined', defined.length, expected.defined);
  report.equal('all', 'undefined', taus.length - defined.length, expected.undefined);
  const mean = defined.reduce((sum, tau) => sum + tau, 0) / defined.length;
  report.closeNumber('all', 'mean', mean, expected.mean_over_defined, tolerance);
}
