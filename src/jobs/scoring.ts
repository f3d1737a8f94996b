/** From what the pool stores to scores, for the run's own settings and for any others that cost no evaluation. */

import type { Picked } from '../contract/events.ts';
import type { ScoreSpec } from '../contract/spec.ts';
import type { NoiseSchedule } from '../diffusion/schedule.ts';
import { type RenoiseDraw, type RenoiseMeasurement, renoisePlan, scoreRenoised } from '../mi/renoise.ts';
import { scoreTrace } from '../mi/score.ts';
import { selectCandidates } from '../mi/select.ts';
import type { PoolLog } from '../storage/poolLog.ts';
import type { ScoreEntry } from '../storage/runRecord.ts';

export type Scored = { readonly score: number; readonly standardError: number | null };
export type RescoreOptions = Pick<ScoreSpec, 'weights' | 'truncation'>;

/** Score of a candidate from its sampling trace. */
export function scoreOfTrace(
  schedule: NoiseSchedule,
  timesteps: readonly number[],
  squaredDifference: ArrayLike<number>,
  options: RescoreOptions,
): Scored {
  const trace = timesteps.map((t, i) => ({ t, squaredDifference: squaredDifference[i] as number }));
  return { score: scoreTrace(schedule, trace, options), standardError: null };
}

/** The evaluations of the re-noised path on a sampler's grid. Truncation is applied when scoring, so it can change. */
export function renoisedDraws(timesteps: readonly number[], noiseDraws: number): RenoiseDraw[] {
  return renoisePlan(timesteps, { draws: noiseDraws });
}

/** Score of a candidate from its re-noised measurements. */
export function scoreOfMeasurements(
  schedule: NoiseSchedule,
  measurements: readonly RenoiseMeasurement[],
  options: RescoreOptions & Pick<ScoreSpec, 'estimator'>,
): Scored {
  const { value, standardError } = scoreRenoised(schedule, measurements, options)[options.estimator];
  return { score: value, standardError };
}

/** Measurements as stored numbers: squared difference, unconditional and conditional error of each draw. */
export function packMeasurements(measurements: readonly RenoiseMeasurement[]): Float32Array {
  return Float32Array.from(measurements.flatMap((m) => [m.squaredDifference, m.uncondError, m.condError]));
}

export function unpackMeasurements(terms: Float32Array, plan: readonly RenoiseDraw[]): RenoiseMeasurement[] {
  return plan.map(({ t, draw }, i) => ({
    t,
    draw,
    squaredDifference: terms[3 * i] as number,
    uncondError: terms[3 * i + 1] as number,
    condError: terms[3 * i + 2] as number,
  }));
}

export type RankRequest = RescoreOptions & {
  readonly path: ScoreSpec['path'];
  readonly estimator: ScoreSpec['estimator'];
  readonly noiseDraws: number;
  /** Only the first M candidates of each prompt. */
  readonly candidates: number;
  readonly keep: number;
};

/** Scores a stored pool under the asked settings and picks the top k of the first M per prompt. */
export function rankPool(
  schedule: NoiseSchedule,
  pool: PoolLog,
  scores: ReadonlyMap<string, ScoreEntry>,
  request: RankRequest,
): {
  readonly scores: readonly { prompt: number; candidate: number; score: number }[];
  readonly picks: readonly Picked[];
} {
  const { timesteps } = pool.header;
  const plan = renoisedDraws(timesteps, request.noiseDraws);
  const scored = pool.entries().flatMap(({ prompt, candidate }) => {
    const terms = scores.get(candidateKey(prompt, candidate))?.terms ?? null;
    if (request.path !== 'renoise') {
      const { score } = scoreOfTrace(schedule, timesteps, pool.trace({ prompt, candidate }), request);
      return [{ promptIndex: prompt, candidate, score }];
    }
    if (terms === null) return [];
    const { score } = scoreOfMeasurements(schedule, unpackMeasurements(terms, plan), request);
    return [{ promptIndex: prompt, candidate, score }];
  });
  const { selected } = selectCandidates(scored, { keep: request.keep, candidates: request.candidates });
  return {
    scores: scored.map(({ promptIndex, candidate, score }) => ({ prompt: promptIndex, candidate, score })),
    picks: selected.map(({ promptIndex, candidate }) => ({ prompt: promptIndex, candidate })),
  };
}

export function candidateKey(prompt: number, candidate: number): string {
  return `${prompt}/${candidate}`;
}

/** Stored scores of one round by candidate; a later entry replaces an earlier one. */
export function scoresOfRound(entries: readonly ScoreEntry[], round: number): Map<string, ScoreEntry> {
  return new Map(
    entries.filter((e) => e.round === round).map((e) => [candidateKey(e.prompt, e.candidate), e]),
  );
}
