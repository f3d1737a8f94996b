import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createSchedule, interpolate, STABLE_DIFFUSION_SCHEDULE } from '../../../src/diffusion/schedule.ts';
import '../../helpers/toBeAllClose.ts';

type Tables = { readonly t: number[]; readonly betas: number[]; readonly alphasBar: number[] };
const { tables } = JSON.parse(readFileSync('tests/golden/schedulers.json', 'utf8')) as { tables: Tables };

const pick = (table: Float64Array) => tables.t.map((t) => table[t] ?? Number.NaN);

describe('float32 tables', () => {
  const schedule = createSchedule(STABLE_DIFFUSION_SCHEDULE, 'float32');

  it('repeat the roundings of diffusers bit by bit', () => {
    expect(pick(schedule.betas)).toEqual(tables.betas);
    expect(pick(schedule.alphasBar)).toEqual(tables.alphasBar);
  });
});

describe('float64 tables', () => {
  const schedule = createSchedule(STABLE_DIFFUSION_SCHEDULE, 'float64');

  it('stay within float32 rounding of the float32 ones', () => {
    // constants_f64.json of the reference set: largest relative difference 2.4e-7 and 8.1e-7.
    expect(pick(schedule.betas)).toBeAllClose(tables.betas, { rtol: 2.5e-7 });
    expect(pick(schedule.alphasBar)).toBeAllClose(tables.alphasBar, { rtol: 8.2e-7 });
  });

  it('end exactly at the configured betas', () => {
    expect(schedule.betas[0]).toBeCloseTo(0.00085, 15);
    expect(schedule.betas[999]).toBeCloseTo(0.012, 15);
  });

  it('span log-SNR from +7.07 to -5.36', () => {
    expect(schedule.logSnr[0]).toBeCloseTo(Math.log(0.99915 / 0.00085), 10);
    expect(schedule.logSnr[0]).toBeCloseTo(7.07, 2);
    expect(schedule.logSnr[999]).toBeCloseTo(-5.36, 2);
  });
});

describe('other schedules', () => {
  it('are linear in beta for `linear`', () => {
    const { betas } = createSchedule(
      { numTrainTimesteps: 5, betaStart: 0.1, betaEnd: 0.5, betaSchedule: 'linear' },
      'float64',
    );
    expect(betas).toBeAllClose([0.1, 0.2, 0.3, 0.4, 0.5], { atol: 1e-15 });
  });

  it('follow the squared cosine, with betas capped at 0.999', () => {
    const { alphasBar, betas } = createSchedule(
      { ...STABLE_DIFFUSION_SCHEDULE, betaSchedule: 'squaredcos_cap_v2' },
      'float64',
    );
    // cos(((500 / 1000 + 0.008) / 1.008) pi / 2)^2 / cos((0.008 / 1.008) pi / 2)^2
    expect(alphasBar[499]).toBeCloseTo(0.49384359, 8);
    expect(betas[999]).toBe(0.999);
  });
});

describe('interpolate', () => {
  const table = Float64Array.of(1, 3, 7);

  it('is exact at integers, linear between them and constant past the ends', () => {
    expect([-1, 0, 0.5, 1, 1.25, 2, 2.5].map((t) => interpolate(table, t))).toEqual([1, 1, 2, 3, 4, 7, 7]);
  });
});
