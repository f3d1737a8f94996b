/** Rewards of candidates: what a method prefers one image over another by. */
import type { Ranked } from '../methodCode.ts';

/** Strictly greater, compared in float32 as upstream does: .92 does not exceed .92, nor does .920000001. */
export function exceeds(reward: number, threshold: number): boolean {
  return Math.fround(reward) > Math.fround(threshold);
}

/**
 * The reward of every candidate, by the name of a metric or `mi`; null where the metric has nothing to say. MI compares
 * within a prompt only, so its reward is the share of the prompt's other candidates that it beats.
 */
export function rewardsOf(name: string, pool: readonly Ranked[]): ReadonlyMap<Ranked, number | null> {
  if (name !== 'mi') return new Map(pool.map((c) => [c, c.metrics[name]?.value ?? null]));
  const byPrompt = groupByPrompt(pool);
  return new Map(
    pool.map((c) => {
      const others = (byPrompt.get(c.prompt) ?? []).filter((other) => other !== c);
      const beaten = others.filter(({ score }) => score < c.score).length;
      return [c, others.length === 0 ? 1 : beaten / others.length];
    }),
  );
}

/** For each chosen candidate one with a low score of the same prompt that is not chosen, lowest first; null if none is left. */
export function opponents(chosen: readonly Ranked[], pool: readonly Ranked[]): readonly (Ranked | null)[] {
  const taken = new Set(chosen.map(({ prompt, candidate }) => `${prompt}/${candidate}`));
  const left = groupByPrompt(pool.filter(({ prompt, candidate }) => !taken.has(`${prompt}/${candidate}`)));
  for (const candidates of left.values()) candidates.sort((a, b) => b.score - a.score);
  return chosen.map(({ prompt }) => left.get(prompt)?.pop() ?? null);
}

function groupByPrompt(pool: readonly Ranked[]): Map<number, Ranked[]> {
  const groups = new Map<number, Ranked[]>();
  for (const c of pool) groups.set(c.prompt, [...(groups.get(c.prompt) ?? []), c]);
  return groups;
}
