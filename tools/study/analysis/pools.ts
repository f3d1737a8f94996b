/** Part 1's pools as they are stored: candidates with traces, exact scores and, where measured, re-noised numbers. */
import type { Design } from '../design.ts';
import { findDrawn } from '../draws.ts';
import { findMeasured, type MeasuredCandidate } from '../measures.ts';
import type { RankedPrompt } from '../ranking.ts';
import type { Store } from '../store.ts';

export type Pool = {
  readonly category: RankedPrompt['category'];
  readonly text: string;
  readonly candidates: readonly MeasuredCandidate[];
};

/** Pools of which all candidates are there. */
export function readPools(store: Store, design: Design, prompts: readonly RankedPrompt[]): readonly Pool[] {
  return prompts.flatMap(({ category, draw }): Pool[] => {
    const drawn = findDrawn(store, design, draw);
    if (drawn === undefined) return [];
    const candidates =
      findMeasured(store, design, draw, design.renoise) ??
      drawn.map((candidate) => ({ ...candidate, renoised: null }));
    return [{ category, text: draw.text, candidates }];
  });
}
