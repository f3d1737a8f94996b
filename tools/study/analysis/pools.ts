/** Part 1's pools as they are stored: candidates with traces, exact scores and, where measured, re-noised numbers. */
import type { RenoiseMeasurement } from '../../../src/mi/renoise.ts';
import type { Design } from '../design.ts';
import { type Candidate, drawIds, findDrawn } from '../draws.ts';
import type { MeasureResult } from '../protocol.ts';
import { measureId, type RankedPrompt } from '../ranking.ts';
import type { Store } from '../store.ts';

export type PooledCandidate = Candidate & {
  /** Under common noises, for pools that were noised again. */
  readonly renoised: readonly RenoiseMeasurement[] | null;
};

export type Pool = {
  readonly category: RankedPrompt['category'];
  readonly text: string;
  readonly candidates: readonly PooledCandidate[];
};

/** Pools of which all candidates are there. */
export function readPools(store: Store, design: Design, prompts: readonly RankedPrompt[]): readonly Pool[] {
  return prompts.flatMap(({ category, draw }): Pool[] => {
    const drawn = findDrawn(store, design, draw);
    if (drawn === undefined) return [];
    const renoised = readRenoised(store, design, drawIds(design, draw));
    const candidates = drawn.map((candidate, i) => ({ ...candidate, renoised: renoised?.[i] ?? null }));
    return [{ category, text: draw.text, candidates }];
  });
}

/** [candidate][draw], or null unless all blocks were measured. */
function readRenoised(
  store: Store,
  design: Design,
  blocks: readonly string[],
): readonly (readonly RenoiseMeasurement[])[] | null {
  const results = blocks.map((id) => store.find<MeasureResult>(measureId(design, id)));
  if (results.some((result) => result === undefined)) return null;
  return results.flatMap((result) =>
    (result?.images ?? []).map((image) =>
      (result?.plan ?? []).map(({ t, draw }, i) => ({
        t,
        draw,
        squaredDifference: image.difference[i] ?? Number.NaN,
        uncondError: image.uncond[i] ?? Number.NaN,
        condError: image.cond[i] ?? Number.NaN,
      })),
    ),
  );
}
