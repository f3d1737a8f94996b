import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSchedule, STABLE_DIFFUSION_SCHEDULE } from '../../../src/diffusion/schedule.ts';
import { halfLogSnrSteps, kappa } from '../../../src/mi/kappa.ts';
import '../../helpers/toBeAllClose.ts';

const schedule = createSchedule(STABLE_DIFFUSION_SCHEDULE, 'float64');
const timestep = fc.integer({ min: 1, max: 999 });

describe('kappa', () => {
  // beta_t T / (2 alpha_t (1 - alphasBar_t)) and the same without alpha_t, to two decimals.
  it.each([
    [51, 11.19, 11.18],
    [101, 6.5, 6.49],
    [501, 3.34, 3.33],
    [991, 6.03, 5.96],
  ])('at t = %i is %f (eq2) and %f (code)', (t, eq2, code) => {
    expect(kappa(schedule, t, 'eq2')).toBeCloseTo(eq2, 2);
    expect(kappa(schedule, t, 'code')).toBeCloseTo(code, 2);
  });

  it('differs between paper and code by 1 / alpha, at most 1.0121', () => {
    fc.assert(
      fc.property(timestep, (t) => {
        const ratio = kappa(schedule, t, 'eq2') / kappa(schedule, t, 'code');
        expect(ratio).toBeCloseTo(1 / (schedule.alphas[t] ?? 0), 12);
        expect(ratio).toBeGreaterThan(1);
        expect(ratio).toBeLessThan(1.01215);
      }),
    );
  });

  it('of the posterior is half the relative fall of the signal-to-noise ratio', () => {
    const snr = (t: number) => Math.exp(schedule.logSnr[t] ?? 0);
    fc.assert(
      fc.property(timestep, (t) => {
        const expected = 0.5 * (snr(t - 1) / snr(t) - 1) * schedule.T;
        expect([kappa(schedule, t, 'posterior')]).toBeAllClose([expected], { rtol: 1e-9 });
      }),
    );
    expect(kappa(schedule, 0, 'posterior')).toBe(Number.POSITIVE_INFINITY);
  });

  it('of the code is half the slope of log-SNR', () => {
    fc.assert(
      fc.property(fc.integer({ min: 60, max: 998 }), (t) => {
        const fall = (schedule.logSnr[t - 1] ?? 0) - (schedule.logSnr[t + 1] ?? 0);
        // A centered difference of a discrete table, so equal only to first order.
        expect([kappa(schedule, t, 'code')]).toBeAllClose([(schedule.T * fall) / 4], { rtol: 0.01 });
      }),
    );
  });

  it('interpolates at fractional timesteps', () => {
    const between = kappa(schedule, 500.25, 'code');
    expect(between).toBeGreaterThan(kappa(schedule, 500, 'code'));
    expect(between).toBeLessThan(kappa(schedule, 501, 'code'));
  });
});

describe('halfLogSnrSteps', () => {
  const logSnr = (t: number) => schedule.logSnr[t] ?? Number.NaN;

  it('is half the distance to the next lower visited timestep, and to 0 at the end', () => {
    expect(halfLogSnrSteps(schedule, [901, 501, 1])).toBeAllClose(
      [(logSnr(501) - logSnr(901)) / 2, (logSnr(1) - logSnr(501)) / 2, (logSnr(0) - logSnr(1)) / 2],
      { rtol: 1e-12 },
    );
  });

  it('covers the whole range once, whatever the grid, its order and its repetitions', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 999 }), { minLength: 1, maxLength: 60 }), (grid) => {
        const total = halfLogSnrSteps(schedule, grid).reduce((a, b) => a + b, 0);
        expect(total).toBeCloseTo((logSnr(0) - logSnr(Math.max(...grid))) / 2, 9);
      }),
    );
  });
});
