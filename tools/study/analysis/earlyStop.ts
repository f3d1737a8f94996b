/**
 * How early a pool can be thinned out: after some steps of the path the candidates with the lowest score so far are
 * dropped, and the rest are drawn to the end. What that costs, and how often the winner is still the winner.
 */
import { type Summary, summarize } from '../../../src/analysis/summary.ts';
import type { NoiseSchedule } from '../../../src/diffusion/schedule.ts';
import { scoreTrace } from '../../../src/mi/score.ts';
import { REFERENCE_SCORE } from '../design.ts';
import type { MeasuredCandidate } from '../measures.ts';
import type { Pool } from './pools.ts';
import { traceOf } from './scores.ts';

const CUTS = [0.1, 0.2, 0.3, 0.4, 0.5] as const;
const KEPT = [1 / 8, 1 / 4, 1 / 2] as const;

export type EarlyStopRow = {
  /** Steps until candidates are dropped, of all steps. */
  readonly steps: number;
  readonly ofSteps: number;
  /** Share of the candidates that go on. */
  readonly kept: number;
  /** Network evaluations, as a share of those of drawing all candidates to the end. */
  readonly cost: number;
  /** Share of prompts whose first candidate by the whole path is among those that go on. */
  readonly same: Summary;
  /** Claims that the new winner satisfies minus those of the old one. */
  readonly loss: Summary;
};

export function earlyStopRows(pools: readonly Pool[], schedule: NoiseSchedule): readonly EarlyStopRow[] {
  const ofSteps = pools[0]?.candidates[0]?.timesteps.length ?? 0;
  return CUTS.flatMap((cut) =>
    KEPT.map((kept): EarlyStopRow => {
      const steps = Math.max(1, Math.round(cut * ofSteps));
      const outcomes = pools.map(({ candidates }) => thinned(candidates, steps, kept, schedule));
      return {
        steps,
        ofSteps,
        kept,
        cost: (steps + kept * (ofSteps - steps)) / ofSteps,
        same: summarize(outcomes.map(({ same }) => (same ? 1 : 0))),
        loss: summarize(outcomes.map(({ change }) => change)),
      };
    }),
  );
}

/** The cheapest way to keep the winner in at least `share` of the prompts. */
export function cheapest(rows: readonly EarlyStopRow[], share: number): EarlyStopRow | undefined {
  return rows.filter(({ same }) => same.estimate >= share).toSorted((a, b) => a.cost - b.cost)[0];
}

function thinned(
  candidates: readonly MeasuredCandidate[],
  steps: number,
  kept: number,
  schedule: NoiseSchedule,
): { readonly same: boolean; readonly change: number } {
  const scored = candidates.map((candidate) => {
    const trace = traceOf(candidate);
    return {
      candidate,
      early: scoreTrace(schedule, trace.slice(0, steps), REFERENCE_SCORE),
      final: scoreTrace(schedule, trace, REFERENCE_SCORE),
    };
  });
  const byFinal = (list: typeof scored) => list.toSorted((a, b) => b.final - a.final)[0];
  const goOn = scored
    .toSorted((a, b) => b.early - a.early)
    .slice(0, Math.max(1, Math.round(kept * scored.length)));
  const [old, found] = [byFinal(scored), byFinal(goOn)];
  return {
    same: old !== undefined && old === found,
    change: (found?.candidate.share ?? Number.NaN) - (old?.candidate.share ?? Number.NaN),
  };
}
