import { describe, expect, it } from 'vitest';
import { createSchedule, STABLE_DIFFUSION_SCHEDULE } from '../../../src/diffusion/schedule.ts';
import { normals } from '../../../src/lib/philox.ts';
import { type RenoiseMeasurement, renoisePlan, scoreRenoised } from '../../../src/mi/renoisedScore.ts';
import { scoreTrace } from '../../../src/mi/score.ts';

const schedule = createSchedule(STABLE_DIFFUSION_SCHEDULE);
const options = { weights: 'code', truncation: 50 } as const;
const GRID = [901, 601, 301, 51, 1];

/** Squared difference around 10, errors around 30 and 25, scattered by `spread`. */
function measure(draws: number, { seed, spread }: { seed: number; spread: number }): RenoiseMeasurement[] {
  return renoisePlan(GRID, { draws }).map(({ t, draw, noiseIndex }) => {
    const [a = 0, b = 0, c = 0] = normals(seed, 0, 3 * noiseIndex, 3);
    return {
      t,
      draw,
      squaredDifference: 10 + spread * a,
      uncondError: 30 + spread * b,
      condError: 25 + spread * c,
    };
  });
}

describe('renoisePlan', () => {
  it('passes over the grid once per draw, a noise of its own for each pair', () => {
    const plan = renoisePlan(GRID, { draws: 2 });
    expect(plan.map((p) => p.t)).toEqual([...GRID, ...GRID]);
    expect(plan.map((p) => p.noiseIndex)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('keeps the noise of a pair whatever is left out or added', () => {
    const full = renoisePlan(GRID, { draws: 3 });
    const small = renoisePlan(GRID, { draws: 2, truncation: 50 });
    expect(small).toHaveLength(8);
    for (const pair of small) expect(full).toContainEqual(pair);
  });

  it('counts a repeated timestep once', () => {
    expect(renoisePlan([901, 801, 801, 701], { draws: 1 }).map((p) => p.t)).toEqual([901, 801, 701]);
  });
});

describe('scoreRenoised', () => {
  it('is the score of the mean trace', () => {
    const trace = GRID.map((t) => ({ t, squaredDifference: 10 }));
    const errors = GRID.map((t) => ({ t, squaredDifference: 30 - 25 }));
    const { orthogonal, standard } = scoreRenoised(schedule, measure(3, { seed: 1, spread: 0 }), options);
    expect(orthogonal.value).toBeCloseTo(scoreTrace(schedule, trace, options), 10);
    expect(standard.value).toBeCloseTo(scoreTrace(schedule, errors, options), 10);
    expect(orthogonal.standardError).toBe(0);
  });

  it('has no standard error from a single draw', () => {
    const { orthogonal, standard } = scoreRenoised(schedule, measure(1, { seed: 1, spread: 1 }), options);
    expect([orthogonal.standardError, standard.standardError]).toEqual([null, null]);
  });

  it('does not depend on the order of measurements', () => {
    const measurements = measure(4, { seed: 2, spread: 3 });
    const a = scoreRenoised(schedule, measurements, options).standard;
    const b = scoreRenoised(schedule, measurements.toReversed(), options).standard;
    expect(b.value).toBeCloseTo(a.value, 10);
    expect(b.standardError).toBeCloseTo(a.standardError ?? Number.NaN, 10);
  });

  it('states the spread that repetitions really have', () => {
    const repetitions = Array.from({ length: 400 }, (_, seed) =>
      scoreRenoised(schedule, measure(4, { seed, spread: 2 }), options),
    );
    for (const which of ['orthogonal', 'standard'] as const) {
      const values = repetitions.map((r) => r[which].value);
      const mean = values.reduce((a, b) => a + b) / values.length;
      const spread = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1));
      const variance =
        repetitions.reduce((sum, r) => sum + (r[which].standardError ?? 0) ** 2, 0) / values.length;
      // 400 repetitions know their own spread to 1 / sqrt(800), about 4%.
      expect(Math.abs(Math.sqrt(variance) / spread - 1)).toBeLessThan(0.12);
    }
  });
});
