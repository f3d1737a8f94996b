import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { SchedulerName } from '../../../src/contract/spec.ts';
import { inferenceTimesteps, type Spacing } from '../../../src/diffusion/timesteps.ts';

type Golden = {
  readonly lists: Record<string, number[]>;
  readonly ends: Record<string, [first: number[], last: number[]]>;
};
const golden = JSON.parse(readFileSync('tests/golden/timesteps.json', 'utf8')) as Golden;

/** @param key `<sampler>.<spacing>.<steps>` */
function timestepsOf(key: string): number[] {
  const [kind, spacing, steps] = key.split('.') as [SchedulerName, Spacing, string];
  return inferenceTimesteps(kind, { numTrainTimesteps: 1000, spacing, stepsOffset: 1 }, Number(steps));
}

describe('timesteps of diffusers', () => {
  it.each(Object.entries(golden.lists))('%s', (key, expected) => {
    expect(timestepsOf(key)).toEqual(expected);
  });

  it.each(Object.entries(golden.ends))('%s, both ends', (key, [first, last]) => {
    const timesteps = timestepsOf(key);
    const [kind, , steps] = key.split('.');
    expect(timesteps).toHaveLength(Number(steps) + (kind === 'pndm' ? 1 : 0));
    expect([timesteps.slice(0, 3), timesteps.slice(-3)]).toEqual([first, last]);
  });
});

describe('linspace', () => {
  const linspace = (kind: SchedulerName, steps: number) =>
    inferenceTimesteps(kind, { numTrainTimesteps: 1000, spacing: 'linspace', stepsOffset: 1 }, steps);

  it('rounds ties to even for samplers with integer timesteps', () => {
    // np.linspace(0, 999, 3).round()[::-1]: 499.5 goes to 500; np.linspace(0, 999, 7): 166.5, 499.5, 832.5
    expect(linspace('ddim', 3)).toEqual([999, 500, 0]);
    expect(linspace('ddpm', 7)).toEqual([999, 832, 666, 500, 333, 166, 0]);
  });

  it('doubles the second timestep of PNDM', () => {
    expect(linspace('pndm', 4)).toEqual([999, 666, 666, 333, 0]);
  });
});

describe('trailing', () => {
  const trailing = (steps: number) =>
    inferenceTimesteps('ddim', { numTrainTimesteps: 1000, spacing: 'trailing', stepsOffset: 1 }, steps);

  it('ignores the offset and rounds', () => {
    // np.round(np.arange(1000, 0, -1000 / 7)).astype(int) - 1
    expect(trailing(7)).toEqual([999, 856, 713, 570, 428, 285, 142]);
  });

  it('never runs past the data end, where numpy yields an extra -1 for 61 steps', () => {
    expect(trailing(61)).toHaveLength(61);
    expect(trailing(61).at(-1)).toBe(15); // round(1000 / 61) - 1
  });
});
