/** How well a score orders the candidates of one prompt, held against another: the exact score, or any second opinion. */
import { kendallTauB, mean, spearmanRho } from '../lib/stats.ts';

/** Candidates of one prompt: the score that is to order them, and what it is held against. */
export type Ranking = { readonly scores: readonly number[]; readonly truth: readonly number[] };

/** Kendall's tau-b over all candidates; NaN where either side is constant. */
export function tauOfAll({ scores, truth }: Ranking): number {
  return kendallTauB(scores, truth);
}

/** Spearman's rho over all candidates; NaN where either side is constant. */
export function rhoOfAll({ scores, truth }: Ranking): number {
  return spearmanRho(scores, truth);
}

/**
 * Places of the candidates that the score ranks first, in the middle and last (1, 25 and 50 of 50); of equals the one
 * drawn first comes first.
 */
export function firstMiddleLast(scores: readonly number[]): readonly number[] {
  const order = scores.map((_, i) => i).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
  return [0, Math.floor((order.length - 1) / 2), order.length - 1].map((rank) => order[rank] ?? 0);
}

/** The paper's figure (section 3.1): tau-b over the candidates that the score ranks first, in the middle and last. */
export function tauOfThree({ scores, truth }: Ranking): number {
  const chosen = firstMiddleLast(scores);
  return kendallTauB(
    chosen.map((i) => scores[i] ?? Number.NaN),
    chosen.map((i) => truth[i] ?? Number.NaN),
  );
}

/** Place of the highest score, the first of equals. */
export function topOf(scores: readonly number[]): number {
  return scores.reduce((best, score, i) => (score > (scores[best] ?? Number.NaN) ? i : best), 0);
}

/** The truth of the candidate with the highest score. */
export function truthOfTop({ scores, truth }: Ranking): number {
  return truth[topOf(scores)] ?? Number.NaN;
}

/** What a random choice gives on average, and what the best choice would give. */
export function truthOfRandom({ truth }: Ranking): number {
  return mean(truth);
}

/** The highest truth of any candidate: the most that a choice could gain. */
export function truthOfBest({ truth }: Ranking): number {
  return Math.max(...truth);
}
