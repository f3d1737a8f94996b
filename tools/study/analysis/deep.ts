/** Section 3.1 of the paper: MI at ranks 1, 25 and 50 of 50 held against another score of the same three images. */
import {
  type Ranking,
  tauOfAll,
  tauOfThree,
  truthOfBest,
  truthOfRandom,
  truthOfTop,
} from '../../../src/analysis/ranking.ts';
import { type Summary, summarize, summarizeDifference } from '../../../src/analysis/summary.ts';
import type { NoiseSchedule } from '../../../src/diffusion/schedule.ts';
import type { Design } from '../design.ts';
import { deepPrompts } from '../ranking.ts';
import { findMetric } from '../secondScore.ts';
import type { Store } from '../store.ts';
import { readPools } from './pools.ts';
import { rankingOf, share } from './rank.ts';
import { referenceScore } from './scores.ts';

export type DeepRow = {
  readonly against: 'exact' | 'second';
  readonly prompts: number;
  readonly tauOfThree: Summary;
  readonly tau: Summary;
  /** What the candidate with the highest MI, a random one and the best have of the other score. */
  readonly top: number;
  readonly random: number;
  readonly best: number;
  readonly gain: Summary;
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
  const [top, random] = [rankings.map(truthOfTop), rankings.map(truthOfRandom)];
  return {
    against,
    prompts: rankings.length,
    tauOfThree: summarize(rankings.map(tauOfThree)),
    tau: summarize(rankings.map(tauOfAll)),
    top: summarize(top).estimate,
    random: summarize(random).estimate,
    best: summarize(rankings.map(truthOfBest)).estimate,
    gain: summarizeDifference(top, random),
  };
}
