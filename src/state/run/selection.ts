/** Which images of the pool are chosen: by rank, and by hand where the user stepped in. Pure functions. */
import type { CandidateRecord, Picked } from '../../contract/events.ts';

/** Chosen candidates by prompt index. */
export type PickMap = ReadonlyMap<number, ReadonlySet<number>>;
/** Scores by `candidateKey`. */
export type ScoreMap = ReadonlyMap<string, number>;
/** Candidates by prompt index, in order of arrival. */
export type Pool = ReadonlyMap<number, readonly CandidateRecord[]>;

export function candidateKey(prompt: number, candidate: number): string {
  return `${prompt}/${candidate}`;
}

/** Adds records to a pool; a candidate that is already there is replaced. */
export function addToPool(pool: Pool, records: readonly CandidateRecord[]): Pool {
  const next = new Map(pool);
  for (const prompt of new Set(records.map((record) => record.prompt))) {
    const added = records.filter((record) => record.prompt === prompt);
    const replaced = new Set(added.map((record) => record.candidate));
    const others = (pool.get(prompt) ?? []).filter((record) => !replaced.has(record.candidate));
    next.set(prompt, [...others, ...added]);
  }
  return next;
}

export function picksToMap(picks: readonly Picked[]): PickMap {
  const map = new Map<number, Set<number>>();
  for (const { prompt, candidate } of picks) {
    const set = map.get(prompt) ?? new Set<number>();
    map.set(prompt, set.add(candidate));
  }
  return map;
}

/** Sorted by prompt and candidate, so that equal selections are equal lists. */
export function mapToPicks(map: PickMap): readonly Picked[] {
  return [...map]
    .flatMap(([prompt, set]) => [...set].map((candidate) => ({ prompt, candidate })))
    .sort((a, b) => a.prompt - b.prompt || a.candidate - b.candidate);
}

/** Prompts the user edited keep the user's choice; all others follow the ranking. */
export function mergePicks(ranked: PickMap, byHand: PickMap): PickMap {
  return new Map([...ranked, ...byHand]);
}

/** The hand-made choice after one image was toggled. */
export function togglePick(picks: PickMap, byHand: PickMap, prompt: number, candidate: number): PickMap {
  const set = new Set(picks.get(prompt));
  if (!set.delete(candidate)) set.add(candidate);
  return new Map(byHand).set(prompt, set);
}

/** What `topPicks` found in a pool, by `keep`: pools are never changed, but replaced. */
const found = new WeakMap<Pool, Map<number, PickMap>>();

/** The best `keep` of each prompt; of equal scores the lower candidate number wins. The same map for the same pool. */
export function topPicks(pool: Pool, keep: number): PickMap {
  const ofPool = found.get(pool) ?? new Map<number, PickMap>();
  found.set(pool, ofPool);
  const known = ofPool.get(keep);
  if (known !== undefined) return known;
  const picks: PickMap = new Map(
    [...pool].map(([prompt, records]) => [
      prompt,
      new Set(
        ranked(records, null)
          .slice(0, keep)
          .map((r) => r.candidate),
      ),
    ]),
  );
  ofPool.set(keep, picks);
  return picks;
}

/** Prompts whose chosen images differ between two selections. */
export function differingPrompts(a: PickMap, b: PickMap): readonly number[] {
  const prompts = [...new Set([...a.keys(), ...b.keys()])];
  return prompts.filter((prompt) => {
    const left = a.get(prompt) ?? new Set();
    const right = b.get(prompt) ?? new Set();
    return left.size !== right.size || [...left].some((candidate) => !right.has(candidate));
  });
}

/** The score under the ranking on show, or the run's own where none is. */
export function scoreOf(record: CandidateRecord, scores: ScoreMap | null): number | null {
  return scores === null ? record.score : (scores.get(candidateKey(record.prompt, record.candidate)) ?? null);
}

/** Candidates best first; those outside the ranking come last. */
export function ranked(
  records: readonly CandidateRecord[],
  scores: ScoreMap | null,
): readonly CandidateRecord[] {
  const value = (record: CandidateRecord) => scoreOf(record, scores) ?? Number.NEGATIVE_INFINITY;
  return records.toSorted((a, b) => value(b) - value(a) || a.candidate - b.candidate);
}

export function countPicks(picks: PickMap): number {
  let total = 0;
  for (const set of picks.values()) total += set.size;
  return total;
}
