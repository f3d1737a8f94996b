/** Ranking a stored pool anew: no network evaluation. */
import type { Picked } from '../contract/events.ts';
import type { ScoreSpec } from '../contract/spec.ts';
import type { NoiseSchedule } from '../diffusion/schedule.ts';
import { selectCandidates } from '../mi/select.ts';
import {
  type RescoreOptions,
  renoisedDraws,
  scoreOfMeasurements,
  scoreOfTrace,
  unpackMeasurements,
} from '../procedures/scoring.ts';
import type { PoolLog } from '../storage/poolLog.ts';
import type { ScoreEntry } from '../storage/runRecord.ts';

type RankRequest = RescoreOptions & {
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

/** Names a candidate within its round. */
export function candidateKey(prompt: number, candidate: number): string {
  return `${prompt}/${candidate}`;
}

/** Stored scores of one round by candidate; a later entry replaces an earlier one. */
export function scoresOfRound(entries: readonly ScoreEntry[], round: number): Map<string, ScoreEntry> {
  return new Map(
    entries.filter((e) => e.round === round).map((e) => [candidateKey(e.prompt, e.candidate), e]),
  );
}
