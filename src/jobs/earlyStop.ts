/** Early stopping in a run's pool: who was stopped, and what is still to be decided of a prompt. */
import { earlyStopOf } from '../contract/earlyStop.ts';
import type { StoppedRecord } from '../contract/events.ts';
import { scoreSoFar } from '../mi/earlyStop.ts';
import { scoreCoefficients } from '../mi/score.ts';
import type { PlannedPrompt } from '../planning/promptPlan.ts';
import type { DrawOptions } from '../procedures/drawJob.ts';
import type { PoolTask } from '../procedures/drawPool.ts';
import type { PoolLog } from '../storage/poolLog.ts';
import type { RunStore } from '../storage/runStore.ts';
import { candidateKey } from './rankPool.ts';
import type { RunContext } from './runContext.ts';

/** Candidates of a round that were stopped early, by `candidateKey`. */
export type StoppedOfRound = ReadonlyMap<string, StoppedRecord>;

export async function stoppedOfRound({ series }: RunStore, round: number): Promise<StoppedOfRound> {
  return byCandidate(await series.load('stopped'), round);
}

/** A record that is there twice counts once. */
export function byCandidate(records: readonly StoppedRecord[], round: number): StoppedOfRound {
  return new Map(
    records.filter((r) => r.round === round).map((r) => [candidateKey(r.prompt, r.candidate), r]),
  );
}

/** How a run's pool is thinned out on the way. */
export type Thinning = Pick<NonNullable<DrawOptions['stop']>, 'steps' | 'coefficients'> & {
  /** Candidates of a prompt that go on. */
  readonly goOn: number;
};

/** Null where all candidates are drawn to the end. @throws StudioError `mi-no-terms` */
export function thinningOf({ spec, scheduler, session }: RunContext): Thinning | null {
  const { timesteps } = scheduler;
  const stop = earlyStopOf(spec, timesteps.length);
  if (stop === null) return null;
  const coefficients = scoreCoefficients(session.schedule, timesteps, spec.score);
  return { ...stop, coefficients: coefficients.slice(0, stop.steps) };
}

/**
 * What decides who of a prompt's missing candidates goes on; undefined where all do. Those that were drawn or stopped
 * before count by the same numbers as when they were compared first, so that a run that was interrupted anywhere comes to
 * the same decision. Held-out prompts are drawn whole: their first images, without and with an adapter on the same seeds,
 * are the evaluation, and a half that was chosen by its score would be compared with one that was not.
 */
export function openDecision(
  { heldOut, prompt }: PlannedPrompt,
  thinning: Thinning | null,
  candidates: number,
  { pool, stopped }: { readonly pool: PoolLog; readonly stopped: StoppedOfRound },
): PoolTask['thin'] {
  if (thinning === null || heldOut) return undefined;
  const all = Array.from({ length: candidates }, (_, candidate) => candidate);
  const given = all.flatMap((candidate) => stopped.get(candidateKey(prompt, candidate)) ?? []);
  if (given.length >= candidates - thinning.goOn) return undefined;
  const drawn = all
    .filter((candidate) => pool.has(prompt, candidate))
    .map((candidate) => {
      const score = scoreSoFar(thinning.coefficients, pool.trace({ prompt, candidate }));
      return { candidate, score };
    });
  return { goOn: thinning.goOn, known: [...drawn, ...given] };
}
