// Stable Diffusion's settings for a sampler, and a driver loop over plain arrays.

import type { Prediction, SchedulerName } from '../../../src/contract/spec.ts';
import { createScheduler } from '../../../src/diffusion/createScheduler.ts';
import type { SamplerState, Scheduler } from '../../../src/diffusion/scheduler.ts';
import { parseSchedulerFile, resolveScheduler } from '../../../src/diffusion/schedulerConfig.ts';
import type { Spacing } from '../../../src/diffusion/timesteps.ts';
import { float32Space } from '../../../src/diffusion/vectorSpace.ts';

export const STABLE_DIFFUSION_FILE = {
  num_train_timesteps: 1000,
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  steps_offset: 1,
  set_alpha_to_one: false,
  clip_sample: false,
  skip_prk_steps: true,
};

export type Run = {
  readonly scheduler: SchedulerName;
  readonly steps: number;
  readonly spacing?: Spacing;
  readonly prediction?: Prediction;
  readonly eta?: number;
  /** Keys that replace those of Stable Diffusion's file. */
  readonly file?: Record<string, unknown>;
};

export function schedulerFor({ scheduler, steps, file = {}, ...overrides }: Run): Scheduler {
  const parsed = parseSchedulerFile({ ...STABLE_DIFFUSION_FILE, ...file });
  return createScheduler(resolveScheduler(parsed, scheduler, overrides), steps);
}

type Network = (input: Float32Array, t: number) => Float32Array;

/** Runs all steps from unit noise; `noise[d - 1]` is step noise draw d. Returns every state, first to last. */
export function sample(
  scheduler: Scheduler,
  network: Network,
  { unit, noise = [] }: { readonly unit: Float32Array; readonly noise?: readonly Float32Array[] },
): { readonly states: SamplerState<Float32Array>[]; readonly outputs: Float32Array[] } {
  const states = [scheduler.start(float32Space.combine([[scheduler.initNoiseSigma, unit]]))];
  const outputs: Float32Array[] = [];
  for (const [i, t] of scheduler.timesteps.entries()) {
    const state = states[i] as SamplerState<Float32Array>;
    const output = network(float32Space.combine([[scheduler.scaleModelInput(i), state.z]]), t);
    const draw = scheduler.noiseDraw(i);
    outputs.push(output);
    states.push(
      scheduler.step(float32Space, state, i, {
        output,
        noise: draw === null ? null : (noise[draw - 1] ?? null),
      }),
    );
  }
  return { states, outputs };
}
