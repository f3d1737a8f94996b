/** Why MI ranks as it does: what else it goes with, what it rewards, and what the unconditional branch is worth. */

import { tauOfAll } from '../../../src/analysis/ranking.ts';
import { type Summary, summarize } from '../../../src/analysis/summary.ts';
import type { NoiseSchedule } from '../../../src/diffusion/schedule.ts';
import { kendallTauB, mean } from '../../../src/lib/stats.ts';
import { scoreRenoised } from '../../../src/mi/renoisedScore.ts';
import { judge } from '../../../src/shapes/claims.ts';
import { parsePrompt } from '../../../src/shapes/parse.ts';
import { RELATIONS } from '../../../src/shapes/world.ts';
import { REFERENCE_SCORE } from '../design.ts';
import { groupBy } from '../group.ts';
import type { MeasuredCandidate } from '../measures.ts';
import type { Pool } from './pools.ts';
import { rankingOf, share, type Truth } from './rank.ts';
import { referenceScore, type ScoreDefinition } from './scores.ts';

export type DiagnosisRow = { readonly question: string; readonly tau: Summary };

/** What a claim of a prompt is about. */
const ASPECTS = ['objects', 'attributes', 'relation'] as const;
type Aspect = (typeof ASPECTS)[number];

export function diagnosisRows(pools: readonly Pool[], schedule: NoiseSchedule): readonly DiagnosisRow[] {
  const seen = pools.filter((pool) => pool.category !== 'unseen');
  const { score } = referenceScore(schedule);
  const area: ScoreDefinition['score'] = (c) => c.area;
  const within = (question: string, of: ScoreDefinition['score'], truth: Truth): DiagnosisRow => ({
    question,
    tau: summarize(seen.map((pool) => tauOfAll(rankingOf(pool, of, truth)))),
  });
  return [
    within('MI and share of claims', score, share),
    within('MI and area of the objects', score, area),
    within('area of the objects and share of claims', area, share),
    within('MI and number of objects found', score, (c) => c.objects.length),
    {
      question: 'MI and share of claims, among images with two objects',
      tau: summarize(seen.map((pool) => tauOfAll(rankingOf(withTwoObjects(pool), score, share)))),
    },
    ...ASPECTS.map((aspect) => ({
      question: `MI and claims about ${aspect} alone`,
      tau: summarize(seen.map((pool) => tauOfAspect(pool, aspect, score))),
    })),
    ...reliability(seen, schedule),
  ];
}

function withTwoObjects(pool: Pool): Pool {
  return { ...pool, candidates: pool.candidates.filter((c) => c.objects.length === 2) };
}

function tauOfAspect(pool: Pool, aspect: Aspect, score: ScoreDefinition['score']): number {
  const aspects = aspectsOf(pool.text);
  const held: Truth = (c) => c.claims.filter((holds, i) => holds && aspects[i] === aspect).length;
  return aspects.includes(aspect) ? tauOfAll(rankingOf(pool, score, held)) : Number.NaN;
}

/** Aspect of each claim, in the order of the prompt's verdicts. */
export function aspectsOf(text: string): readonly Aspect[] {
  const prompt = parsePrompt(text);
  if (prompt === null) return [];
  return judge(prompt, []).map(({ claim }) => {
    if (RELATIONS.some((relation) => claim.includes(` ${relation} `))) return 'relation';
    return claim.includes(' is ') ? 'attributes' : 'objects';
  });
}

/** Whether two independent noises order the candidates alike: noise in the score, or something else it measures. */
function reliability(pools: readonly Pool[], schedule: NoiseSchedule): DiagnosisRow[] {
  const measured = pools.filter((pool) => pool.candidates.every((c) => (c.renoised?.length ?? 0) > 0));
  if (measured.length === 0) return [];
  const { score } = referenceScore(schedule);
  const again = (keeps: (draw: number) => boolean) => (c: MeasuredCandidate) => {
    const kept = (c.renoised ?? []).filter((m) => keeps(m.draw));
    return scoreRenoised(schedule, kept, REFERENCE_SCORE).orthogonal.value;
  };
  const pairs = (a: ScoreDefinition['score'], b: ScoreDefinition['score']): Summary =>
    summarize(measured.map(({ candidates }) => kendallTauB(candidates.map(a), candidates.map(b))));
  return [
    {
      question: 'two noise draws of the re-noised orthogonal score',
      tau: pairs(
        again((draw) => draw === 0),
        again((draw) => draw === 1),
      ),
    },
    {
      question: 'MI on the path and the re-noised orthogonal score',
      tau: pairs(
        score,
        again(() => true),
      ),
    },
  ];
}

/** The prompt's use to the network at one noise level, over all measured images. */
export type BranchRow = {
  readonly t: number;
  /** Fall of the error by knowing the prompt, as a share of the unconditional error. */
  readonly errorFall: Summary;
  /** Squared difference as a share of the unconditional error. */
  readonly difference: number;
};

export function branchRows(pools: readonly Pool[]): readonly BranchRow[] {
  const perPool = pools.flatMap((pool) => {
    const measured = pool.candidates.flatMap((c) => c.renoised ?? []);
    return measured.length === 0 ? [] : [groupBy(measured, (m) => m.t)];
  });
  const timesteps = [...(perPool[0]?.keys() ?? [])].sort((a, b) => a - b);
  return timesteps.map((t) => {
    const at = perPool.map((byTimestep) => byTimestep.get(t) ?? []);
    return {
      t,
      errorFall: summarize(
        at.map((list) => mean(list.map((m) => (m.uncondError - m.condError) / m.uncondError))),
      ),
      difference: mean(at.map((list) => mean(list.map((m) => m.squaredDifference / m.uncondError)))),
    };
  });
}

/** Share of prompts whose candidates all have the same exact score: there is nothing to rank. */
export function tiedShare(pools: readonly Pool[]): number {
  return mean(pools.map(({ candidates }) => (new Set(candidates.map((c) => c.share)).size === 1 ? 1 : 0)));
}
