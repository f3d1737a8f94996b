/** Section 3.1 of the paper: MI at ranks 1, 25 and 50 of 50 held against another score of the same three images. */
import { type Ranking, tauOfAll, tauOfThree } from '../../../src/analysis/ranking.ts';
import { type Summary, summarize } from '../../../src/analysis/summary.ts';
import type { NoiseSchedule } from '../../../src/diffusion/schedule.ts';
import type { Design } from '../design.ts';
import { deepPrompts } from '../ranking.ts';
import { findMetric } from '../secondScore.ts';
import type { Store } from '../store.ts';
import { readPools } from './pools.ts';
import { rankingOf, share, type TopRow, topRow } from './rank.ts';
import { referenceScore } from './scores.ts';

export type DeepRow = TopRow & {
  readonly against: 'exact' | 'second';
  readonly prompts: number;
  readonly tauOfThree: Summary;
  readonly tau: Summary;
};

/** Against the exact score and against the second one, over the prompts that are complete. */
export function deepRows(store: Store, design: Design, schedule: NoiseSchedule): readonly DeepRow[] {
  const { score } = referenceScore(schedule);
  const exact: Ranking[] = [];
  const second: Ranking[] = [];
  for (const prompt of deepPrompts(design)) {
    const [pool] = readPools(store, design, [prompt]);
    if (pool === undefined) continue;
    const ranking = rankingOf(pool, score, share);
    exact.push(ranking);
    const values = findMetric(store, design, prompt.draw);
    if (values !== undefined) second.push({ ...ranking, truth: values });
  }
  return [deepRow('exact', exact), deepRow('second', second)].filter(({ prompts }) => prompts > 0);
}

function deepRow(against: DeepRow['against'], rankings: readonly Ranking[]): DeepRow {
  return {
    against,
    prompts: rankings.length,
    tauOfThree: summarize(rankings.map(tauOfThree)),
    tau: summarize(rankings.map(tauOfAll)),
    ...topRow(rankings),
  };
}
