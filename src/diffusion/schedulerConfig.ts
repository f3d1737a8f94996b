/**
 * Reads diffusers' `scheduler_config.json` and turns it into the settings of one sampler.
 *
 * A file written for one class may be used with another, as diffusers' `from_config` does: what the file
 * says is kept, what it leaves out takes the default of the class that is built. So Stable Diffusion's
 * file, which has no `timestep_spacing`, gives leading steps for DDIM and linspace for Euler.
 *
 * Differs from diffusers: where `clip_sample` is left out it is off (clipping to [-1, 1] is for pixels,
 * not latents), and where `skip_prk_steps` is left out it is on.
 */
import * as v from 'valibot';
import { PREDICTIONS, type Prediction, type SchedulerName } from '../contract/spec.ts';
import { StudioError } from '../lib/errors.ts';
import type { ScheduleConfig } from './schedule.ts';
import { INERT_KEYS, OFF_VALUES, SCHEDULER_CLASSES, SOLVER_TYPES } from './schedulerKeys.ts';
import type { DdpmVariance } from './schedulers/ancestral.ts';
import type { SolverType } from './schedulers/dpmSolverPP2M.ts';
import type { Spacing, TimestepConfig } from './timesteps.ts';

/** Everything `createScheduler` needs, defaults filled in. */
export type SchedulerConfig = ScheduleConfig &
  TimestepConfig & {
    readonly kind: SchedulerName;
    readonly prediction: Prediction;
    /** DDIM and PNDM: alphasBar past the end of the grid is 1 instead of alphasBar[0]. */
    readonly setAlphaToOne: boolean;
    /** DDIM: share of the ancestral noise, 0 to 1. */
    readonly eta: number;
    /** DDPM: variance of a step. */
    readonly variance: DdpmVariance;
    /** Euler and DPM-Solver++: noise level after the last step. */
    readonly finalSigma: 'zero' | 'sigmaMin';
    /** DPM-Solver++ only. */
    readonly solver: {
      readonly order: 1 | 2;
      readonly type: SolverType;
      readonly lowerOrderFinal: boolean;
      readonly eulerAtFinal: boolean;
    };
  };

const fraction = v.pipe(v.number(), v.gtValue(0), v.ltValue(1));

const fileSchema = v.looseObject({
  num_train_timesteps: v.optional(v.pipe(v.number(), v.integer(), v.minValue(2), v.maxValue(100_000)), 1000),
  beta_start: v.optional(fraction, 0.0001),
  beta_end: v.optional(fraction, 0.02),
  beta_schedule: v.optional(v.picklist(['linear', 'scaled_linear', 'squaredcos_cap_v2']), 'linear'),
  prediction_type: v.optional(v.picklist(PREDICTIONS), 'epsilon'),
  timestep_spacing: v.optional(v.picklist(['leading', 'trailing', 'linspace'])),
  steps_offset: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0),
  set_alpha_to_one: v.optional(v.boolean()),
  skip_prk_steps: v.optional(v.boolean(), true),
  variance_type: v.optional(v.nullable(v.picklist(['fixed_small', 'fixed_small_log', 'fixed_large'])), null),
  final_sigmas_type: v.optional(v.picklist(['zero', 'sigma_min']), 'zero'),
  algorithm_type: v.optional(v.string(), 'dpmsolver++'),
  solver_order: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 2),
  solver_type: v.optional(v.string(), 'midpoint'),
  lower_order_final: v.optional(v.boolean(), true),
  euler_at_final: v.optional(v.boolean(), false),
});

/** A checked `scheduler_config.json`, still without class defaults. */
export type SchedulerFile = {
  /** The sampler the file was written for, or null if it is none of ours. */
  readonly kind: SchedulerName | null;
  readonly settings: v.InferOutput<typeof fileSchema>;
};

/** Settings that replace what file and class say. */
type SchedulerOverrides = {
  readonly spacing?: Spacing;
  readonly prediction?: Prediction;
  readonly eta?: number;
};

/**
 * Parses the text of a `scheduler_config.json`.
 *
 * @param where file name for messages
 * @throws StudioError `scheduler-config-*` naming the key and the value it cannot honor
 */
export function readSchedulerFile(text: string, where = 'scheduler_config.json'): SchedulerFile {
  let json: unknown;
  try {
    // Python writes infinities as bare words, which JSON does not have.
    json = JSON.parse(text.replace(/:\s*(-?Infinity)\b/g, ': "$1"'));
  } catch (cause) {
    throw new StudioError('scheduler-config-syntax', `${where} is not valid JSON.`, {
      remedy: 'Download the file again from the model it belongs to.',
      where,
      cause,
    });
  }
  return parseSchedulerFile(json, where);
}

/** As `readSchedulerFile`, for JSON that is already parsed. */
export function parseSchedulerFile(json: unknown, where = 'scheduler_config.json'): SchedulerFile {
  const parsed = v.safeParse(fileSchema, json);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const key = v.getDotPath(issue) ?? 'the whole file';
    throw unsupported(key, issue.input, where, `Supported: ${issue.expected ?? 'a JSON object'}.`);
  }
  for (const [key, value] of Object.entries(parsed.output)) refuseUnknown(key, value, where);
  return { kind: kindOfClass(parsed.output._class_name, where), settings: parsed.output };
}

/** Fills in the defaults of the chosen sampler's class. */
export function resolveScheduler(
  file: SchedulerFile,
  kind: SchedulerName,
  overrides: SchedulerOverrides = {},
): SchedulerConfig {
  const s = file.settings;
  if (kind === 'pndm' && !s.skip_prk_steps) {
    throw unsupported(
      'skip_prk_steps',
      false,
      'scheduler_config.json',
      'PNDM runs without Runge-Kutta steps here.',
    );
  }
  const eta = overrides.eta ?? 0;
  if (!(eta >= 0 && eta <= 1)) throw unsupported('eta', eta, 'settings', 'Choose a number from 0 to 1.');
  return {
    kind,
    numTrainTimesteps: s.num_train_timesteps,
    betaStart: s.beta_start,
    betaEnd: s.beta_end,
    betaSchedule: s.beta_schedule,
    prediction: overrides.prediction ?? s.prediction_type,
    spacing: overrides.spacing ?? s.timestep_spacing ?? DEFAULT_SPACING[kind],
    stepsOffset: s.steps_offset,
    setAlphaToOne: s.set_alpha_to_one ?? kind === 'ddim',
    eta,
    variance: s.variance_type === 'fixed_large' ? 'fixedLarge' : 'fixedSmall',
    finalSigma: s.final_sigmas_type === 'zero' ? 'zero' : 'sigmaMin',
    solver: kind === 'dpmpp2m' ? solverOf(s) : DEFAULT_SOLVER,
  };
}

const DEFAULT_SOLVER = {
  order: 2,
  type: 'midpoint',
  lowerOrderFinal: true,
  eulerAtFinal: false,
} as const satisfies SchedulerConfig['solver'];

/** Solver keys are checked only where they are used: files of related samplers have values of their own. */
function solverOf(s: SchedulerFile['settings']): SchedulerConfig['solver'] {
  const where = 'scheduler_config.json';
  const order = s.solver_order;
  if (order !== 1 && order !== 2) throw unsupported('solver_order', order, where, 'Supported: 1 and 2.');
  const type = SOLVER_TYPES.get(s.solver_type);
  if (type === undefined)
    throw unsupported('solver_type', s.solver_type, where, 'Supported: midpoint and heun.');
  if (s.algorithm_type !== 'dpmsolver++' && s.algorithm_type !== 'deis') {
    throw unsupported('algorithm_type', s.algorithm_type, where, 'Supported: dpmsolver++.');
  }
  return { order, type, lowerOrderFinal: s.lower_order_final, eulerAtFinal: s.euler_at_final };
}

/** Spacing of each class where the file names none. */
const DEFAULT_SPACING = {
  ddpm: 'leading',
  ddim: 'leading',
  pndm: 'leading',
  euler: 'linspace',
  dpmpp2m: 'linspace',
} as const satisfies Record<SchedulerName, Spacing>;

function kindOfClass(name: unknown, where: string): SchedulerName | null {
  if (name === undefined) return null;
  const kind = typeof name === 'string' ? SCHEDULER_CLASSES.get(name) : undefined;
  if (kind === undefined) {
    throw unsupported(
      '_class_name',
      name,
      where,
      'Models with a variance-preserving noise schedule are supported.',
    );
  }
  return kind;
}

/** Keys we read pass; keys for features we lack pass only while the feature is off. */
function refuseUnknown(key: string, value: unknown, where: string): void {
  if (key in fileSchema.entries || key.startsWith('_') || INERT_KEYS.has(key)) return;
  if (value === null || value === false || OFF_VALUES.get(key) === value) return;
  throw unsupported(key, value, where, 'This setting changes the sampling and is not available.');
}

function unsupported(key: string, value: unknown, where: string, detail: string): StudioError {
  const shown = value === undefined ? 'undefined' : JSON.stringify(value);
  return new StudioError(
    'scheduler-config-unsupported',
    `Scheduler setting ${key} = ${shown} is not supported.`,
    {
      remedy: `${detail} Change it in ${where}, or choose another model.`,
      where: `${where}: ${key}`,
    },
  );
}
