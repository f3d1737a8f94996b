// Every estimator against a model whose mutual information is known in closed form.
//
// x and y are standard normal with correlation 0.9: I(x; y) = -log(1 - 0.81) / 2 = 0.8304 nats. With
// z = a x + s eps (a = sqrt(alphasBar), s = sqrt(1 - alphasBar)) the best denoisers are linear:
//   epsUncond = s z,  epsCond = s (z - a rho y) / v,  v = a^2 (1 - rho^2) + s^2,
// so expectations over noise, pairs and whole sampling paths are polynomials in means and variances.

import { describe, expect, it } from 'vitest';
import type { WeightsName } from '../../../src/contract/spec.ts';
import { createSchedule, STABLE_DIFFUSION_SCHEDULE } from '../../../src/diffusion/schedule.ts';
import { inferenceTimesteps } from '../../../src/diffusion/timesteps.ts';
import { scoreRenoised } from '../../../src/mi/renoisedScore.ts';
import { type MiTerm, NO_TRUNCATION, scoreTrace } from '../../../src/mi/score.ts';
import { schedulerFor } from '../diffusion/samplerSetup.ts';

const RHO = 0.9;
const MUTUAL_INFORMATION = -0.5 * Math.log(1 - RHO ** 2);

const schedule = createSchedule(STABLE_DIFFUSION_SCHEDULE, 'float64');
const everyTimestep = Array.from({ length: 1000 }, (_, t) => t);

/** Slopes of the denoisers at t: epsUncond = uncond z, deltaEps = z * onZ + y * onY. */
function denoisers(t: number) {
  const a = Math.sqrt(schedule.alphasBar[t] ?? Number.NaN);
  const s = Math.sqrt(1 - a * a);
  const v = a * a * (1 - RHO ** 2) + s * s;
  return { a, s, uncond: s, onZ: s / v - s, onY: (-s * a * RHO) / v };
}

/** E deltaEps^2 where z = m y + noise of variance `variance`, and E y^2 = 1. */
const secondMoment = (d: { onZ: number; onY: number }, m: number, variance: number) =>
  (d.onZ * m + d.onY) ** 2 + d.onZ ** 2 * variance;

describe('forward-noised pairs', () => {
  const terms = (grid: readonly number[]): MiTerm[] =>
    grid.map((t) => {
      const d = denoisers(t);
      return { t, squaredDifference: secondMoment(d, d.a * RHO, 1 - (d.a * RHO) ** 2) };
    });
  const score = (grid: readonly number[], weights: WeightsName, truncation = NO_TRUNCATION) =>
    scoreTrace(schedule, terms(grid), { weights, truncation });
  const strideTen = (offset: number) =>
    inferenceTimesteps('ddpm', { numTrainTimesteps: 1000, spacing: 'leading', stepsOffset: offset }, 100);

  it('give 0.833 with code weights and 0.836 with eq2 on every tenth timestep', () => {
    expect(score(strideTen(0), 'code')).toBeCloseTo(0.833, 3);
    expect(Math.abs(score(strideTen(0), 'eq2') - 0.836)).toBeLessThan(1e-3);
  });

  it('give 0.780 when terms at t <= 50 are dropped', () => {
    expect(Math.abs(score(strideTen(1), 'code', 50) - 0.78)).toBeLessThan(2e-3);
    expect(Math.abs(score(strideTen(1), 'eq2', 50) - 0.78)).toBeLessThan(2e-3);
  });

  it('give the mutual information itself with log-SNR steps over all timesteps', () => {
    expect(score(everyTimestep, 'dlogsnr')).toBeCloseTo(MUTUAL_INFORMATION, 4);
  });

  it('give a posterior-weighted bound above it', () => {
    expect(score(everyTimestep, 'posterior')).toBeGreaterThan(MUTUAL_INFORMATION);
    expect(score(everyTimestep, 'posterior')).toBeCloseTo(MUTUAL_INFORMATION, 1);
  });
});

describe('sampling paths', () => {
  /** Expected score over DDPM paths; the slope m on y and the variance of z are carried through the kernels. */
  function pathScore(guidance: number, steps: number, weights: WeightsName): number {
    const scheduler = schedulerFor({
      scheduler: 'ddpm',
      steps,
      file: { steps_offset: steps === 1000 ? 0 : 1 },
    });
    let m = 0;
    let variance = 1;
    const trace: MiTerm[] = [];
    for (const [i, t] of scheduler.timesteps.entries()) {
      const d = denoisers(t);
      trace.push({ t, squaredDifference: secondMoment(d, m, variance) });
      const kernel = scheduler.kernel?.(i);
      if (kernel === undefined) throw new Error('DDPM has a kernel');
      const slope = kernel.mean.z + kernel.mean.output * (d.uncond + guidance * d.onZ);
      m = slope * m + kernel.mean.output * guidance * d.onY;
      variance = slope ** 2 * variance + kernel.std ** 2;
    }
    return scoreTrace(schedule, trace, { weights, truncation: NO_TRUNCATION });
  }

  it('without guidance give the mutual information, 0.829', () => {
    expect(pathScore(1, 1000, 'eq2')).toBeCloseTo(0.829, 3);
    expect(Math.abs(pathScore(1, 1000, 'eq2') - MUTUAL_INFORMATION)).toBeLessThan(2e-3);
  });

  it('with guidance 7.5 give 0.094: a ranking, not nats', () => {
    expect(Math.abs(pathScore(7.5, 100, 'eq2') - 0.094)).toBeLessThan(1e-3);
    expect(Math.abs(pathScore(7.5, 100, 'code') - 0.094)).toBeLessThan(1e-3);
  });
});

describe('one pair, x = 0.5 and y = -0.3, noised again', () => {
  const x = 0.5;
  const y = -0.3;
  const measurements = everyTimestep.map((t) => {
    const { a, s, uncond, onZ, onY } = denoisers(t);
    /** E (onNoise eps + rest)^2 over z = a x + s eps. */
    const square = (onNoise: number, rest: number) => onNoise ** 2 + rest ** 2;
    const cond = uncond + onZ;
    return {
      t,
      draw: 0,
      squaredDifference: square(onZ * s, onZ * a * x + onY * y),
      uncondError: square(1 - uncond * s, -uncond * a * x),
      condError: square(1 - cond * s, -cond * a * x - onY * y),
    };
  });
  const { standard, orthogonal } = scoreRenoised(schedule, measurements, {
    weights: 'dlogsnr',
    truncation: NO_TRUNCATION,
  });

  it('has log p(x|y) / p(x) = -0.605, which the standard estimator finds', () => {
    const logRatio = MUTUAL_INFORMATION - (x - RHO * y) ** 2 / (2 * (1 - RHO ** 2)) + x ** 2 / 2;
    expect(logRatio).toBeCloseTo(-0.605, 3);
    // The schedule ends at log-SNR 7.07 and -5.36; the tails beyond hold the rest.
    expect(Math.abs(standard.value - logRatio)).toBeLessThan(2e-3);
  });

  it('scores +1.118 with the orthogonal one, which cannot see that x contradicts y', () => {
    expect(Math.abs(orthogonal.value - 1.118)).toBeLessThan(2e-3);
  });
});
