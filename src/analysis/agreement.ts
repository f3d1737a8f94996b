/** Agreement of two scores on one pool (MI-TUNE, section 3.1), and where they disagree most. */
import { mean, midranks, std } from '../lib/stats.ts';
import {
  type Ranking,
  rhoOfAll,
  tauOfAll,
  tauOfThree,
  truthOfBest,
  truthOfRandom,
  truthOfTop,
} from './ranking.ts';
import { type Summary, summarize, summarizeDifference } from './summary.ts';

type ScoreValue = { readonly prompt: number; readonly candidate: number; readonly value: number };

/** A score of a pool: a number per candidate; those it does not have, or has no finite number for, are left out. */
export type PoolScore = { readonly name: string; readonly values: readonly ScoreValue[] };

/** One prompt with the candidates that both scores know, in order of drawing. */
export type PairedPrompt = Ranking & { readonly prompt: number; readonly candidates: readonly number[] };

/** Prompts with at least two candidates in common, in their order. */
export function pairScores(ordering: PoolScore, against: PoolScore): readonly PairedPrompt[] {
  const known = new Map(
    against.values.map(({ prompt, candidate, value }) => [`${prompt}/${candidate}`, value]),
  );
  const byPrompt = new Map<number, { candidate: number; score: number; truth: number }[]>();
  for (const { prompt, candidate, value } of ordering.values) {
    const truth = known.get(`${prompt}/${candidate}`);
    if (truth === undefined || !Number.isFinite(truth) || !Number.isFinite(value)) continue;
    const rows = byPrompt.get(prompt) ?? [];
    rows.push({ candidate, score: value, truth });
    byPrompt.set(prompt, rows);
  }
  return [...byPrompt]
    .filter(([, rows]) => rows.length > 1)
    .sort(([a], [b]) => a - b)
    .map(([prompt, rows]) => {
      const ordered = rows.toSorted((a, b) => a.candidate - b.candidate);
      return {
        prompt,
        candidates: ordered.map(({ candidate }) => candidate),
        scores: ordered.map(({ score }) => score),
        truth: ordered.map(({ truth }) => truth),
      };
    });
}

export type Agreement = {
  readonly prompts: number;
  readonly candidates: number;
  readonly tau: Summary;
  readonly tauOfThree: Summary;
  readonly rho: Summary;
  /** By how much the second score of the first's favorite lies above the prompt's mean, in the second's own units. */
  readonly gain: Summary;
  /** The gain of a choice by the second score itself: the most there is. */
  readonly bestGain: Summary;
};

/** Means over prompts; those where a score is constant have no tau and are left out of it, as in the paper. */
export function agreementOf(prompts: readonly PairedPrompt[]): Agreement {
  const random = prompts.map(truthOfRandom);
  return {
    prompts: prompts.length,
    candidates: prompts.reduce((sum, { candidates }) => sum + candidates.length, 0),
    tau: summarize(prompts.map(tauOfAll)),
    tauOfThree: summarize(prompts.map(tauOfThree)),
    rho: summarize(prompts.map(rhoOfAll)),
    gain: summarizeDifference(prompts.map(truthOfTop), random),
    bestGain: summarizeDifference(prompts.map(truthOfBest), random),
  };
}

type RankedCandidate = {
  readonly prompt: number;
  readonly candidate: number;
  /** Ranks by the first and the second score, 1 for the best; equals share the middle of their ranks. */
  readonly ranks: readonly [number, number];
  readonly of: number;
};

/** The candidates of a prompt with their ranks under both scores. */
export function rankPairs({ prompt, candidates, scores, truth }: PairedPrompt): readonly RankedCandidate[] {
  const of = candidates.length;
  const byScore = midranks(scores.map((value) => -value));
  const byTruth = midranks(truth.map((value) => -value));
  return candidates.map((candidate, i) => ({
    prompt,
    candidate,
    ranks: [byScore[i] ?? Number.NaN, byTruth[i] ?? Number.NaN],
    of,
  }));
}

/** The candidates whose ranks lie furthest apart, as a share of the ranks there are; one of a prompt at most. */
export function disagreements(prompts: readonly PairedPrompt[], count: number): readonly RankedCandidate[] {
  const worst = prompts.flatMap((prompt) => {
    const [first] = rankPairs(prompt).toSorted((a, b) => distance(b) - distance(a));
    return first === undefined ? [] : [first];
  });
  return worst.toSorted((a, b) => distance(b) - distance(a) || a.prompt - b.prompt).slice(0, count);
}

function distance({ ranks: [a, b], of }: RankedCandidate): number {
  return Math.abs(a - b) / (of - 1);
}

/** Both scores of every candidate relative to its prompt, in standard deviations: what may be laid over each other. */
export function standardized(prompts: readonly PairedPrompt[]): readonly (readonly [number, number])[] {
  return prompts.flatMap(({ scores, truth }) => {
    const x = standardize(scores);
    const y = standardize(truth);
    return x.map((value, i) => [value, y[i] ?? Number.NaN] as const);
  });
}

/** Zeros where all values are equal. */
function standardize(values: readonly number[]): number[] {
  const center = mean(values);
  const spread = std(values) || 1;
  return values.map((value) => (value - center) / spread);
}
