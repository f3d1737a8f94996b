/** Names found in diffusers' scheduler configs (v0.2 to v0.37) beside the settings we read. */
import type { SchedulerName } from '../contract/spec.ts';
import type { SolverType } from './schedulers/dpmSolverPP2M.ts';

/**
 * Classes whose models share the variance-preserving schedule. Null: the model can be used, with one of
 * our samplers in place of the one its file names.
 */
export const SCHEDULER_CLASSES: ReadonlyMap<string, SchedulerName | null> = new Map([
  ['DDPMScheduler', 'ddpm'],
  ['DDIMScheduler', 'ddim'],
  ['EulerDiscreteScheduler', 'euler'],
  ['PNDMScheduler', 'pndm'],
  ['DPMSolverMultistepScheduler', 'dpmpp2m'],
  ['DEISMultistepScheduler', null],
  ['DPMSolverSDEScheduler', null],
  ['DPMSolverSinglestepScheduler', null],
  ['EulerAncestralDiscreteScheduler', null],
  ['HeunDiscreteScheduler', null],
  ['KDPM2AncestralDiscreteScheduler', null],
  ['KDPM2DiscreteScheduler', null],
  ['LMSDiscreteScheduler', null],
  ['UniPCMultistepScheduler', null],
]);

/** Parameters of features that another key switches on, and settings of other classes. */
export const INERT_KEYS: ReadonlySet<string> = new Set([
  'clip_sample_range',
  'dynamic_thresholding_ratio',
  'sample_max_value',
  'flow_shift',
  'shift_terminal',
  'time_shift_type',
  'solver_p',
  'predict_x0',
  'disable_corrector',
  'noise_sampler_seed',
]);

/** The value at which a feature we lack is off, where that is neither null nor false. */
export const OFF_VALUES: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['interpolation_type', 'linear'],
  ['lambda_min_clipped', '-Infinity'],
  ['timestep_type', 'discrete'],
  ['sigma_schedule', 'none'],
]);

/** Solver types of DPM-Solver++; those of DEIS and UniPC become midpoint, as diffusers' `from_config` has it. */
export const SOLVER_TYPES: ReadonlyMap<string, SolverType> = new Map([
  ['midpoint', 'midpoint'],
  ['heun', 'heun'],
  ['logrho', 'midpoint'],
  ['bh1', 'midpoint'],
  ['bh2', 'midpoint'],
]);
