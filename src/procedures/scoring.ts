/** From what was measured of a candidate to its score, for the run's own settings and for any others that cost no evaluation. */

import type { ScoreSpec } from '../contract/spec.ts';
import type { NoiseSchedule } from '../diffusion/schedule.ts';
import {
  type RenoiseDraw,
  type RenoiseMeasurement,
  renoisePlan,
  scoreRenoised,
} from '../mi/renoisedScore.ts';
import { scoreTrace } from '../mi/score.ts';

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

/** Gives the three numbers of each draw their names, in the order of the plan. */
export function unpackMeasurements(terms: Float32Array, plan: readonly RenoiseDraw[]): RenoiseMeasurement[] {
  return plan.map(({ t, draw }, i) => ({
    t,
    draw,
    squaredDifference: terms[3 * i] as number,
    uncondError: terms[3 * i + 1] as number,
    condError: terms[3 * i + 2] as number,
  }));
}
