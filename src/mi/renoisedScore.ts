/**
 * Point-wise MI of a finished latent (generated or encoded from an image), by noising it again.
 *
 * For every t of a grid and n noises eps: z_t = sqrt(alphasBar_t) z0 + sqrt(1 - alphasBar_t) eps, then
 *   orthogonal  sum_t c_t E ||epsCond - epsUncond||^2                      (never negative)
 *   standard    sum_t c_t E [ ||eps - epsUncond||^2 - ||eps - epsCond||^2 ]  (log p(z|p)/p(z); may be negative)
 * (Kong et al. 2024, "Interpretable diffusion via information decomposition"). The paper scores real images
 * but gives no procedure; this is our reading of it. Both cost the same two evaluations per noise.
 */
import type { NoiseSchedule } from '../diffusion/schedule.ts';
import { NO_TRUNCATION, type ScoreOptions, scoreCoefficients } from './score.ts';

/** One pair of evaluations to make. */
export type RenoiseDraw = {
  readonly t: number;
  readonly draw: number;
  /** Index of the noise in the candidate-independent noise stream. */
  readonly noiseIndex: number;
};

/** What a pair of evaluations gave: sums of squares over the latent's elements, in noise units. */
export type RenoiseMeasurement = {
  readonly t: number;
  readonly draw: number;
  /** ||epsCond - epsUncond||^2 */
  readonly squaredDifference: number;
  /** ||eps - epsUncond||^2 */
  readonly uncondError: number;
  /** ||eps - epsCond||^2 */
  readonly condError: number;
};

/** An estimate and its standard error over noise draws; null while a timestep has only one draw. */
type Estimate = { readonly value: number; readonly standardError: number | null };

type RenoisedScore = { readonly orthogonal: Estimate; readonly standard: Estimate };

/**
 * Lists the evaluations for one latent, whole passes over the grid one after the other.
 *
 * Every (timestep, draw) has its own noise, and the same one for every latent and caption: such common random
 * numbers make differences between candidates far steadier than the scores themselves. The noise of a
 * (timestep, draw) does not depend on the truncation, and not on the number of draws.
 *
 * @param grid timesteps of a sampler; repeated ones (PNDM) count once
 */
export function renoisePlan(
  grid: readonly number[],
  { draws, truncation = NO_TRUNCATION }: { readonly draws: number; readonly truncation?: number },
): RenoiseDraw[] {
  const timesteps = [...new Set(grid)].sort((a, b) => b - a);
  return Array.from({ length: draws }, (_, draw) =>
    timesteps.flatMap((t, i) =>
      t > truncation ? [{ t, draw, noiseIndex: draw * timesteps.length + i }] : [],
    ),
  ).flat();
}

/**
 * Both estimates for one latent from its measurements, in any order.
 *
 * The standard error treats noises as independent across timesteps and draws, which `renoisePlan` makes them;
 * it says nothing about errors of the network or of the grid.
 *
 * @throws StudioError `mi-no-terms` if no measured timestep lies above the truncation
 */
export function scoreRenoised(
  schedule: NoiseSchedule,
  measurements: readonly RenoiseMeasurement[],
  options: ScoreOptions,
): RenoisedScore {
  return {
    orthogonal: estimate(schedule, measurements, options, (m) => m.squaredDifference),
    standard: estimate(schedule, measurements, options, (m) => m.uncondError - m.condError),
  };
}

function estimate(
  schedule: NoiseSchedule,
  measurements: readonly RenoiseMeasurement[],
  options: ScoreOptions,
  read: (m: RenoiseMeasurement) => number,
): Estimate {
  const byTimestep = new Map<number, number[]>();
  for (const m of measurements) {
    const values = byTimestep.get(m.t);
    if (values === undefined) byTimestep.set(m.t, [read(m)]);
    else values.push(read(m));
  }
  const coefficients = scoreCoefficients(schedule, [...byTimestep.keys()], options);
  let value = 0;
  let variance: number | null = 0;
  for (const [i, values] of [...byTimestep.values()].entries()) {
    const coefficient = coefficients[i] ?? 0;
    if (coefficient === 0) continue;
    const n = values.length;
    const mean = values.reduce((sum, x) => sum + x, 0) / n;
    value += coefficient * mean;
    if (n < 2 || variance === null) {
      variance = null;
      continue;
    }
    const sampleVariance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1);
    variance += coefficient ** 2 * (sampleVariance / n);
  }
  return { value, standardError: variance === null ? null : Math.sqrt(variance) };
}
