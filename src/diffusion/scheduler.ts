/**
 * The contract of a sampler: plain state in, plain state out, one linear combination per step.
 *
 * A driver loops over `timesteps`, feeds the network `state.z` times `scaleModelInput(i)` at
 * `timesteps[i]`, and calls `step`. Nothing is remembered outside the state, so a run can stop after
 * any step and go on from a stored state.
 */
import type { SchedulerName } from '../contract/spec.ts';
import type { GaussianKernel } from './kernel.ts';
import type { NoiseSchedule } from './schedule.ts';
import type { SchedulerConfig } from './schedulerConfig.ts';
import type { VectorSpace } from './vectorSpace.ts';

/** A former evaluation a multistep sampler still needs; `z` only where the sample itself is reused. */
export type Past<T> = { readonly z: T | null; readonly output: T };

/** `z` is the current sample; `past` holds former evaluations, newest first (empty for one-step samplers). */
export type SamplerState<T> = { readonly z: T; readonly past: readonly Past<T>[] };

/** What one evaluation produced: the network output at `state.z`, and the step noise if one is due. */
type StepInput<T> = { readonly output: T; readonly noise: T | null };

export interface Scheduler {
  readonly kind: SchedulerName;
  readonly config: SchedulerConfig;
  readonly schedule: NoiseSchedule;
  /** As asked for; PNDM evaluates the network once more. */
  readonly steps: number;
  /** Network timestep of every evaluation; fractional for Euler with linspace spacing. */
  readonly timesteps: readonly number[];
  /** Standard deviation of the first sample: start from this times unit noise. */
  readonly initNoiseSigma: number;
  /** Noise tensors a whole run consumes after the initial latent. */
  readonly noiseDraws: number;
  /**
   * Which draw of a candidate's noise stream evaluation `i` consumes, or null if it needs none.
   * Draw 0 is the initial latent, so step noises count from 1.
   */
  noiseDraw(i: number): number | null;
  /** Factor on `z` before it enters the network (1 except for Euler). */
  scaleModelInput(i: number): number;
  /** State before the first evaluation; `z` is unit noise already multiplied by `initNoiseSigma`. */
  start<T>(z: T): SamplerState<T>;
  /** State after evaluation `i`. Makes one vector, the new `z`; see `heldVectors` for what it keeps alive. */
  step<T>(space: VectorSpace<T>, state: SamplerState<T>, i: number, input: StepInput<T>): SamplerState<T>;
  /** The clean latent the network sees behind `z` at evaluation `i` (for previews). */
  predictOriginal<T>(space: VectorSpace<T>, z: T, i: number, output: T): T;
  /** Transition density of step `i` given the output; null for samplers that have none. */
  readonly kernel: ((i: number) => GaussianKernel) | null;
}

/**
 * Every vector a state refers to. After a step, whatever was held by the old state or passed in and is
 * not in `heldVectors(newState)` can be freed.
 */
export function heldVectors<T>(state: SamplerState<T>): Set<T> {
  const held = new Set<T>([state.z]);
  for (const { z, output } of state.past) {
    if (z !== null) held.add(z);
    held.add(output);
  }
  return held;
}
