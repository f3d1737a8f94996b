import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CandidateRecord } from '../../../../src/contract/events.ts';
import {
  addToPool,
  candidateKey,
  countPicks,
  differingPrompts,
  mapToPicks,
  mergePicks,
  type Pool,
  picksToMap,
  ranked,
  togglePick,
  topPicks,
} from '../../../../src/state/run/selection.ts';

function record(prompt: number, candidate: number, score: number): CandidateRecord {
  return {
    round: 0,
    prompt,
    candidate,
    seed: candidate,
    trace: { t: [], squaredDifference: [] },
    score,
    standardError: null,
    metrics: {},
  };
}

const EMPTY: Pool = new Map();
const pool = addToPool(EMPTY, [
  record(0, 0, 1),
  record(0, 1, 3),
  record(0, 2, 2),
  record(1, 0, 5),
  record(1, 1, 5),
]);
const candidates = (records: readonly CandidateRecord[]) => records.map((r) => r.candidate);

describe('the pool', () => {
  test('keeps one record of each candidate, the latest', () => {
    const again = addToPool(pool, [record(0, 1, 9)]);
    expect(again.get(0)?.map((r) => [r.candidate, r.score])).toEqual([
      [0, 1],
      [2, 2],
      [1, 9],
    ]);
    expect(again.get(1)).toBe(pool.get(1));
  });
});

describe('ranking', () => {
  test('is best first; of equals the lower number', () => {
    expect(candidates(ranked(pool.get(0) ?? [], null))).toEqual([1, 2, 0]);
    expect(candidates(ranked(pool.get(1) ?? [], null))).toEqual([0, 1]);
  });

  test('puts candidates outside the ranking last', () => {
    const scores = new Map([[candidateKey(0, 0), 0.1]]);
    expect(candidates(ranked(pool.get(0) ?? [], scores))).toEqual([0, 1, 2]);
  });

  test('does not depend on the order of arrival', () => {
    const records = [4, 2, 2, 7, 1].map((score, i) => record(0, i, score));
    void fc.assert(
      fc.property(fc.shuffledSubarray(records, { minLength: records.length }), (shuffled) => {
        expect([...(topPicks(addToPool(EMPTY, shuffled), 2).get(0) ?? [])].sort()).toEqual([0, 3]);
      }),
    );
  });
});

describe('choosing by hand', () => {
  const byRank = topPicks(pool, 1);

  test('toggles one image and leaves the other prompts to the ranking', () => {
    const byHand = togglePick(byRank, new Map(), 0, 2);
    const picks = mergePicks(byRank, byHand);
    expect(mapToPicks(picks)).toEqual([
      { prompt: 0, candidate: 1 },
      { prompt: 0, candidate: 2 },
      { prompt: 1, candidate: 0 },
    ]);
    expect(countPicks(picks)).toBe(3);
    const undone = mergePicks(byRank, togglePick(picks, byHand, 0, 2));
    expect(mapToPicks(undone)).toEqual(mapToPicks(byRank));
  });

  test('survives a new ranking', () => {
    const byHand = togglePick(byRank, new Map(), 0, 2);
    const picks = mergePicks(topPicks(pool, 2), byHand);
    expect([...(picks.get(0) ?? [])].sort()).toEqual([1, 2]);
    expect([...(picks.get(1) ?? [])]).toEqual([0, 1]);
  });

  test('may leave a prompt without any image', () => {
    const none = mergePicks(byRank, togglePick(byRank, new Map(), 0, 1));
    expect(none.get(0)?.size).toBe(0);
    expect(differingPrompts(none, byRank)).toEqual([0]);
    expect(differingPrompts(picksToMap(mapToPicks(byRank)), byRank)).toEqual([]);
  });
});
