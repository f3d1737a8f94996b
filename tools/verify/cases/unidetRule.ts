// The spatial rule of T2I-CompBench on given detections and tags.

import * as v from 'valibot';
import { scoreSpatial } from '../../../src/metrics/spatial/unidetRule.ts';
import type { OracleFiles } from '../oracle.ts';
import { type Report, tolerancesOf } from '../report.ts';

const box = v.tuple([v.number(), v.number(), v.number(), v.number()]);
const fileSchema = v.looseObject({
  mean_score_simple: v.number(),
  mean_score_complex: v.number(),
  cases: v.array(
    v.looseObject({
      id: v.number(),
      complex: v.boolean(),
      prompt: v.string(),
      tokens: v.array(v.tuple([v.string(), v.string()])),
      boxes: v.array(box),
      labels: v.array(v.string()),
      scores: v.array(v.number()),
      locality: v.nullable(v.string()),
      object1: v.nullable(v.string()),
      object2: v.nullable(v.string()),
      position_score: v.nullable(v.number()),
      score: v.number(),
    }),
  ),
});

export async function runUnidetRule(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const { file } = v.parse(v.looseObject({ file: v.string() }), entry);
  const tolerance = tolerancesOf(entry, ['atol'], ['rtol']);
  const { cases, ...means } = v.parse(fileSchema, await io.json(file));
  const totals = { simple: [] as number[], complex: [] as number[] };
  for (const { id, complex, prompt, tokens, boxes, labels, scores, ...expected } of cases) {
    const detections = boxes.map((corners, i) => ({
      box: corners,
      label: labels[i] as string,
      score: scores[i] as number,
    }));
    const found = scoreSpatial(prompt, tokens, detections, { complex });
    const at = `case ${id}`;
    report.equal(at, 'locality', found.locality, expected.locality);
    report.equal(at, 'objects', found.objects ?? [null, null], [expected.object1, expected.object2]);
    report.closeNumber(at, 'position', found.position ?? -1, expected.position_score ?? -1, tolerance);
    report.closeNumber(at, 'score', found.score, expected.score, tolerance);
    totals[complex ? 'complex' : 'simple'].push(found.score);
  }
  const mean = (values: number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
  report.closeNumber('mean', 'simple', mean(totals.simple), means.mean_score_simple, tolerance);
  report.closeNumber('mean', 'complex', mean(totals.complex), means.mean_score_complex, tolerance);
}
