/** How well a score orders the candidates of one prompt, held against the exact score. */
import { kendallTauB, mean } from '../../../src/lib/stats.ts';

/** Candidates of one prompt: exact scores, and the score that is to order them. */
export type Ranking = { readonly scores: readonly number[]; readonly truth: readonly number[] };

/** Kendall's tau-b over all candidates; NaN where either side is constant. */
export function tauOfAll({ scores, truth }: Ranking): number {
  return kendallTauB(scores, truth);
}

/** The paper's figure: tau-b over the candidates that the score ranks first, in the middle and last. */
export function tauOfThree({ scores, truth }: Ranking): number {
  const order = scores.map((_, i) => i).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
  const chosen = [0, Math.floor((order.length - 1) / 2), order.length - 1].map((rank) => order[rank] ?? 0);
  return kendallTauB(
    chosen.map((i) => scores[i] ?? Number.NaN),
    chosen.map((i) => truth[i] ?? Number.NaN),
  );
}

/** The truth of the candidate with the highest score, the first of equals. */
export function truthOfTop({ scores, truth }: Ranking): number {
  const top = scores.reduce((best, score, i) => (score > (scores[best] ?? Number.NaN) ? i : best), 0);
  return truth[top] ?? Number.NaN;
}

/** What a random choice gives on average, and what the best choice would give. */
export function truthOfRandom({ truth }: Ranking): number {
  return mean(truth);
}

export function truthOfBest({ truth }: Ranking): number {
  return Math.max(...truth);
}
