/** The noise levels a sampler moves through, read off the schedule at its timesteps. */
import { interpolate, type NoiseSchedule } from './schedule.ts';
import type { SchedulerConfig } from './schedulerConfig.ts';

/** What all samplers are made from. */
export type Grid = {
  readonly config: SchedulerConfig;
  readonly schedule: NoiseSchedule;
  readonly steps: number;
  readonly timesteps: readonly number[];
  /** Distance in training timesteps from one step to the next. */
  readonly stride: number;
};

/** Noise levels sqrt((1 - alphasBar) / alphasBar) at every timestep and after the last, in float32. */
export function sigmaGrid({ config, schedule, timesteps }: Grid): readonly number[] {
  const table = schedule.alphasBar.map((alphaBar) =>
    Math.fround(Math.sqrt(Math.fround(Math.fround(1 - alphaBar) / alphaBar))),
  );
  const last = config.finalSigma === 'zero' ? 0 : (table[0] ?? 0);
  return [...timesteps.map((t) => Math.fround(interpolate(table, t))), last];
}

/** alphasBar at an integer timestep; below 0 it is what the sampler takes as the data end. */
export function alphaBarAt({ config, schedule }: Grid, t: number): number {
  if (t >= 0) return schedule.alphasBar[t] ?? Number.NaN;
  const one = config.kind === 'ddpm' || config.setAlphaToOne;
  return one ? 1 : (schedule.alphasBar[0] ?? Number.NaN);
}
