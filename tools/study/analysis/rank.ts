/** Part 1: does MI rank? Tables from pools. */

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
import { groupBy } from '../group.ts';
import type { MeasuredCandidate } from '../measures.ts';
import type { Pool } from './pools.ts';
import { comparedScores, referenceScore, type ScoreDefinition, traceOf } from './scores.ts';

export type Truth = (candidate: MeasuredCandidate) => number;
export const share: Truth = (candidate) => candidate.share;
const strict: Truth = (candidate) => (candidate.strict ? 1 : 0);

export function rankingOf(pool: Pool, score: ScoreDefinition['score'], truth: Truth): Ranking {
  return { scores: pool.candidates.map(score), truth: pool.candidates.map(truth) };
}

/** One line of the first table. */
export type RankRow = {
  readonly category: string;
  readonly prompts: number;
  readonly candidates: number;
  readonly tau: Summary;
  readonly tauOfThree: Summary;
  readonly share: TopRow;
  readonly strict: TopRow;
};
/** What the candidate with the highest MI, a random one and the best have of another score, on average. */
export type TopRow = {
  readonly top: number;
  readonly random: number;
  readonly best: number;
  /** Top-1 by MI minus random. */
  readonly gain: Summary;
};

/** Per category and, last, over all categories of the model's training (without `unseen`). */
export function rankRows(pools: readonly Pool[], schedule: NoiseSchedule): readonly RankRow[] {
  const groups = [...groupBy(pools, (pool) => pool.category)].map(
    ([category, group]) => [category as string, group] as const,
  );
  const seen = pools.filter((pool) => pool.category !== 'unseen');
  if (seen.length > 0) groups.push(['all but unseen', seen]);
  return groups.map(([category, group]) => rankRow(category, group, referenceScore(schedule)));
}

export function rankRow(category: string, pools: readonly Pool[], { score }: ScoreDefinition): RankRow {
  const byShare = pools.map((pool) => rankingOf(pool, score, share));
  const byStrict = pools.map((pool) => rankingOf(pool, score, strict));
  return {
    category,
    prompts: pools.length,
    candidates: pools[0]?.candidates.length ?? 0,
    tau: summarize(byShare.map(tauOfAll)),
    tauOfThree: summarize(byShare.map(tauOfThree)),
    share: topRow(byShare),
    strict: topRow(byStrict),
  };
}

export function topRow(rankings: readonly Ranking[]): TopRow {
  const top = rankings.map(truthOfTop);
  const random = rankings.map(truthOfRandom);
  return {
    top: summarize(top).estimate,
    random: summarize(random).estimate,
    best: summarize(rankings.map(truthOfBest)).estimate,
    gain: summarizeDifference(top, random),
  };
}

/** One score on the pools that it can be computed for. */
export type ScoreRow = Pick<ScoreDefinition, 'group' | 'label' | 'evaluations' | 'peeks'> & {
  readonly prompts: number;
  readonly tau: Summary;
  /** Tau minus the reference's tau on the same prompts. */
  readonly difference: Summary;
  readonly gain: Summary;
};

export function scoreRows(
  pools: readonly Pool[],
  schedule: NoiseSchedule,
  design: Design,
): readonly ScoreRow[] {
  const seen = pools.filter((pool) => pool.category !== 'unseen');
  const measured = seen.filter((pool) => pool.candidates.every((c) => c.renoised !== null));
  const reference = referenceScore(schedule);
  return comparedScores(schedule, design).flatMap((definition): ScoreRow[] => {
    const usable = definition.renoised ? measured : seen;
    if (usable.length === 0) return [];
    const rankings = usable.map((pool) => rankingOf(pool, definition.score, share));
    const taus = rankings.map(tauOfAll);
    const { group, label, evaluations, peeks } = definition;
    return [
      {
        group,
        label,
        evaluations,
        peeks,
        prompts: usable.length,
        tau: summarize(taus),
        difference: summarizeDifference(
          taus,
          usable.map((pool) => tauOfAll(rankingOf(pool, reference.score, share))),
        ),
        gain: summarizeDifference(rankings.map(truthOfTop), rankings.map(truthOfRandom)),
      },
    ];
  });
}

/** Tau of single timesteps of the path, ascending in t. */
export function tauByTimestep(
  pools: readonly Pool[],
): readonly { readonly t: number; readonly tau: Summary }[] {
  const seen = pools.filter((pool) => pool.category !== 'unseen');
  const timesteps = seen[0]?.candidates[0]?.timesteps ?? [];
  return timesteps
    .map((t, i) => {
      const score = (c: MeasuredCandidate) => traceOf(c)[i]?.squaredDifference ?? Number.NaN;
      return { t, tau: summarize(seen.map((pool) => tauOfAll(rankingOf(pool, score, share)))) };
    })
    .toSorted((a, b) => a.t - b.t);
}

export type GuidanceRow = {
  readonly guidance: number;
  readonly prompts: number;
  readonly candidates: number;
  readonly tau: Summary;
  /** Tau minus that of the reference scale on the same prompts. */
  readonly difference: Summary;
  readonly share: TopRow;
  readonly strict: TopRow;
};

/** Pools of the same prompts under several guidance scales, each compared with the scale `reference`. */
export function guidanceRows(
  groups: readonly { readonly guidance: number; readonly pools: readonly Pool[] }[],
  reference: number,
  schedule: NoiseSchedule,
): readonly GuidanceRow[] {
  const definition = referenceScore(schedule);
  const tauOf = (pool: Pool): number => tauOfAll(rankingOf(pool, definition.score, share));
  const compared = groups.find(({ guidance }) => guidance === reference)?.pools ?? [];
  const known = new Map(compared.map((pool) => [pool.text, tauOf(pool)]));
  return groups
    .filter(({ pools }) => pools.length > 0)
    .map(({ guidance, pools }) => {
      const { prompts, candidates, tau, ...rest } = rankRow('', pools, definition);
      const difference = summarizeDifference(
        pools.map(tauOf),
        pools.map(({ text }) => known.get(text) ?? Number.NaN),
      );
      return { guidance, prompts, candidates, tau, difference, share: rest.share, strict: rest.strict };
    });
}
