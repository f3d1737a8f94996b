// The 3-in-1 score of complex prompts.

import * as v from 'valibot';
import { type ComplexGroup, threeInOne } from '../../../src/metrics/t2i/complexPrompts.ts';
import { categoryMean } from '../../../src/metrics/t2i/results.ts';
import type { OracleFiles } from '../oracle.ts';
import { type Report, tolerancesOf } from '../report.ts';

const numbers = v.array(v.number());
const fileSchema = v.looseObject({
  category_score: v.number(),
  prompts: v.array(
    v.looseObject({
      prompt: v.string(),
      group: v.picklist(['spatial', 'action', 'spatial_and_action']),
      blip_vqa: v.array(v.string()),
      unidet: numbers,
      clip: numbers,
      three_in_one: numbers,
    }),
  ),
});

const GROUPS = { spatial: 'spatial', action: 'action', spatial_and_action: 'both' } as const satisfies Record<
  string,
  ComplexGroup
>;

export async function runThreeInOne(entry: unknown, io: OracleFiles, report: Report): Promise<void> {
  const { file } = v.parse(v.looseObject({ file: v.string() }), entry);
  const tolerance = tolerancesOf(entry, ['atol'], ['rtol']);
  const { prompts, category_score } = v.parse(fileSchema, await io.json(file));
  const all: number[] = [];
  for (const { prompt, group, blip_vqa, unidet, clip, three_in_one } of prompts) {
    const scores = blip_vqa.map((text, i) =>
      threeInOne(
        { blipVqa: Number(text), unidet: unidet[i] as number, clip: clip[i] as number },
        GROUPS[group],
      ),
    );
    report.close(prompt.slice(0, 30), 'scores', scores, three_in_one, tolerance);
    all.push(...scores);
  }
  report.closeNumber('category', 'score', categoryMean(all), category_score, tolerance);
}
