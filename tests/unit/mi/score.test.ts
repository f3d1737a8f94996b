import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSchedule, STABLE_DIFFUSION_SCHEDULE } from '../../../src/diffusion/schedule.ts';
import { halfLogSnrSteps, kappa } from '../../../src/mi/kappa.ts';
import { type MiTerm, NO_TRUNCATION, scoreTrace } from '../../../src/mi/score.ts';
import '../../helpers/toBeAllClose.ts';

type Case = {
  readonly timesteps: number[];
  /** By step, then image. */
  readonly squaredDifference: number[][];
  readonly weightOfficial: number[];
  readonly weightEq2: number[];
  readonly miOfficial: number[];
  readonly miEq2: number[];
  readonly best: number;
};
const { cases } = JSON.parse(readFileSync('tests/golden/miScores.json', 'utf8')) as { cases: Case[] };

const schedule = createSchedule(STABLE_DIFFUSION_SCHEDULE);
const OFFICIAL = { weights: 'code', truncation: 50 } as const;

describe.each(cases)('the official selection over $timesteps.length steps', (golden) => {
  const traces: (readonly MiTerm[])[] = golden.miOfficial.map((_, image) =>
    golden.timesteps.map((t, i) => ({
      t,
      squaredDifference: golden.squaredDifference[i]?.[image] ?? Number.NaN,
    })),
  );

  it('has our weights', () => {
    const weights = (variant: 'code' | 'eq2') => golden.timesteps.map((t) => kappa(schedule, t, variant));
    expect(weights('code')).toBeAllClose(golden.weightOfficial, { rtol: 2e-6 });
    expect(weights('eq2')).toBeAllClose(golden.weightEq2, { rtol: 2e-6 });
  });

  it('has our scores and our best image', () => {
    const scores = traces.map((trace) => scoreTrace(schedule, trace, OFFICIAL));
    const eq2 = traces.map((trace) => scoreTrace(schedule, trace, { weights: 'eq2', truncation: 50 }));
    expect(scores).toBeAllClose(golden.miOfficial, { rtol: 2e-6 });
    expect(eq2).toBeAllClose(golden.miEq2, { rtol: 2e-6 });
    expect(scores.indexOf(Math.max(...scores))).toBe(golden.best);
  });
});

describe('scoreTrace', () => {
  const trace: readonly MiTerm[] = [
    { t: 901, squaredDifference: 2 },
    { t: 51, squaredDifference: 5 },
    { t: 50, squaredDifference: 11 },
    { t: 1, squaredDifference: 100 },
  ];
  const score = (weights: Parameters<typeof scoreTrace>[2]['weights'], truncation: number) =>
    scoreTrace(schedule, trace, { weights, truncation });

  it('keeps terms strictly above the truncation and averages those', () => {
    expect(score('code', 50)).toBeCloseTo(
      (2 * kappa(schedule, 901, 'code') + 5 * kappa(schedule, 51, 'code')) / 2,
      10,
    );
    expect(score('none', 50)).toBe(7);
    expect(score('none', 49)).toBe(18);
    expect(score('none', NO_TRUNCATION)).toBe(118);
  });

  it('sums log-SNR steps over the visited grid, also next to dropped terms', () => {
    const [first = 0, second = 0] = halfLogSnrSteps(schedule, [901, 51, 50, 1]);
    expect(score('dlogsnr', 50)).toBeCloseTo(2 * first + 5 * second, 10);
  });

  it('stays finite with posterior weights on a trace that reaches t = 0', () => {
    const whole = [...trace, { t: 0, squaredDifference: 1 }];
    expect(scoreTrace(schedule, whole, { weights: 'posterior', truncation: NO_TRUNCATION })).toBe(
      score('posterior', NO_TRUNCATION),
    );
  });

  it('is not finite where a kept term is not, and ignores dropped ones', () => {
    const broken = trace.map((term) => (term.t === 1 ? { ...term, squaredDifference: Number.NaN } : term));
    expect(scoreTrace(schedule, broken, OFFICIAL)).toBe(score('code', 50));
    expect(scoreTrace(schedule, broken, { weights: 'eq2', truncation: NO_TRUNCATION })).toBeNaN();
  });

  it('refuses a truncation that leaves nothing', () => {
    expect(() => score('eq2', 901)).toThrow(expect.objectContaining({ code: 'mi-no-terms' }));
  });

  it('is never negative and grows with every term', () => {
    const terms = fc.array(
      fc.record({
        t: fc.integer({ min: 51, max: 999 }),
        squaredDifference: fc.double({ min: 0, max: 1e4, noNaN: true }),
      }),
      { minLength: 1, maxLength: 40 },
    );
    const weights = fc.constantFrom('eq2', 'code', 'posterior', 'dlogsnr', 'none');
    fc.assert(
      fc.property(terms, weights, (random, variant) => {
        const options = { weights: variant, truncation: 50 } as const;
        const low = scoreTrace(schedule, random, options);
        const grown = random.map((term) => ({ ...term, squaredDifference: term.squaredDifference + 1 }));
        expect(low).toBeGreaterThanOrEqual(0);
        expect(scoreTrace(schedule, grown, options)).toBeGreaterThan(low);
      }),
    );
  });
});
