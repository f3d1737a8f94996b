/** Builds a sampler: its grid, noise levels and per-step coefficients, from checked settings. */
import type { Prediction } from '../contract/spec.ts';
import { StudioError } from '../lib/errors.ts';
import { alphaBarAt, type Grid, sigmaGrid } from './grid.ts';
import { type GaussianKernel, sampleKernel } from './kernel.ts';
import { multistepDpm, plms } from './multistep.ts';
import { applyForm, type LinearForm, originalForm } from './parametrization.ts';
import { createSchedule } from './schedule.ts';
import type { Scheduler } from './scheduler.ts';
import type { SchedulerConfig } from './schedulerConfig.ts';
import { ddimKernel, ddpmKernel } from './schedulers/ancestral.ts';
import { dpmOriginal } from './schedulers/dpmSolverPP2M.ts';
import { inferenceTimesteps } from './timesteps.ts';

/**
 * @param steps 1 to numTrainTimesteps; PNDM makes one evaluation more
 * @throws StudioError `scheduler-steps` where the step count and spacing leave the trained range
 */
export function createScheduler(config: SchedulerConfig, steps: number): Scheduler {
  const T = config.numTrainTimesteps;
  if (!Number.isInteger(steps) || steps < 1 || steps > T) {
    throw stepsError(config, steps, `The number of steps must be a whole number from 1 to ${T}.`);
  }
  const grid: Grid = {
    config,
    schedule: createSchedule(config, 'float32'),
    steps,
    timesteps: inferenceTimesteps(config.kind, config, steps),
    // As in diffusers v0.27, a step goes down by this stride even where rounding put the next timestep elsewhere.
    stride: Math.floor(T / steps),
  };
  switch (config.kind) {
    case 'ddpm':
    case 'ddim':
      requireTrainedRange(grid, steps);
      return ancestral(grid);
    case 'pndm':
      requireTrainedRange(grid, steps);
      return { ...common(grid), ...plms(grid) };
    case 'euler':
      return euler(grid);
    case 'dpmpp2m': {
      const sigmas = sigmaGrid(grid);
      if (sigmas.some((sigma, i) => i > 0 && !(sigma < (sigmas[i - 1] ?? 0)))) {
        throw stepsError(config, steps, 'Two neighboring steps fall on the same noise level.');
      }
      return {
        ...common(grid),
        ...multistepDpm(config, sigmas),
        predictOriginal: (space, z, i, output) =>
          applyForm(space, dpmOriginal(config.prediction, sigmas[i] ?? 0), z, output),
      };
    }
    default:
      return config.kind satisfies never;
  }
}

type CommonParts = Omit<Scheduler, 'step'>;

function common(grid: Grid): CommonParts {
  const { config, schedule, steps, timesteps } = grid;
  return {
    kind: config.kind,
    config,
    schedule,
    steps,
    timesteps,
    initNoiseSigma: 1,
    noiseDraws: 0,
    noiseDraw: () => null,
    scaleModelInput: () => 1,
    start: (z) => ({ z, past: [] }),
    predictOriginal: (space, z, i, output) =>
      applyForm(space, originalForm(config.prediction, alphaBarAt(grid, timesteps[i] ?? 0)), z, output),
    kernel: null,
  };
}

/** DDPM and DDIM: one Gaussian kernel per step. */
function ancestral(grid: Grid): Scheduler {
  const { config, timesteps, stride } = grid;
  const kernel = (i: number): GaussianKernel => {
    const t = timesteps[i] ?? 0;
    const levels = { alphaBar: alphaBarAt(grid, t), alphaBarPrev: alphaBarAt(grid, t - stride) };
    return config.kind === 'ddpm'
      ? ddpmKernel(config.prediction, config.variance, levels)
      : ddimKernel(config.prediction, config.eta, levels);
  };
  // DDPM draws whenever t > 0, so also where the last step ends at t = 1 with a variance of 1e-20.
  const draws = (t: number) => (config.kind === 'ddpm' ? t > 0 : config.eta > 0);
  const noiseDraw = (i: number): number | null =>
    draws(timesteps[i] ?? 0) ? timesteps.slice(0, i + 1).filter(draws).length : null;
  return {
    ...common(grid),
    noiseDraws: timesteps.filter(draws).length,
    noiseDraw,
    kernel,
    step(space, state, i, { output, noise }) {
      const due = noiseDraw(i) !== null;
      if (due && noise === null) throw new RangeError(`${config.kind} step ${i} needs its noise draw`);
      return { z: sampleKernel(space, kernel(i), state.z, { output, noise: due ? noise : null }), past: [] };
    },
  };
}

function euler(grid: Grid): Scheduler {
  const { prediction, spacing } = grid.config;
  const sigmas = sigmaGrid(grid);
  const sigmaAt = (i: number) => sigmas[i] ?? 0;
  const sigmaMax = sigmaAt(0);
  return {
    ...common(grid),
    initNoiseSigma:
      spacing === 'leading'
        ? Math.fround(Math.sqrt(Math.fround(Math.fround(sigmaMax * sigmaMax) + 1)))
        : sigmaMax,
    scaleModelInput: (i) => 1 / Math.sqrt(sigmaAt(i) ** 2 + 1),
    step(space, state, i, { output }) {
      const form = eulerStep(prediction, { sigma: sigmaAt(i), sigmaNext: sigmaAt(i + 1) });
      return { z: applyForm(space, form, state.z, output), past: [] };
    },
    predictOriginal: (space, z, i, output) =>
      applyForm(space, eulerOriginal(prediction, sigmaAt(i)), z, output),
  };
}

function requireTrainedRange({ config, timesteps }: Grid, steps: number): void {
  const outside = timesteps.find((t) => t >= config.numTrainTimesteps);
  if (outside === undefined) return;
  throw stepsError(
    config,
    steps,
    `The grid would start at t = ${outside}, which the model was not trained on.`,
  );
}

function stepsError(config: SchedulerConfig, steps: number, why: string): StudioError {
  return new StudioError(
    'scheduler-steps',
    `${steps} steps of ${config.kind} with ${config.spacing} spacing: ${why}`,
    {
      remedy: 'Choose another number of steps or another spacing; 50 works everywhere.',
      where: `steps=${steps}`,
    },
  );
}

/**
 * Euler steps of the probability-flow ODE in the variance-exploding scale (Karras et al. 2022, algorithm 2 without
 * churn): the sample is z0 + sigma noise, sigma = sqrt((1 - alphasBar) / alphasBar), and the network sees it divided by
 * sqrt(sigma^2 + 1). This is the predicted clean latent, linear in the unscaled sample and the output at the scaled one.
 */
function eulerOriginal(prediction: Prediction, sigma: number): LinearForm {
  const scaled = originalForm(prediction, 1 / (sigma * sigma + 1));
  return { z: scaled.z / Math.sqrt(sigma * sigma + 1), output: scaled.output };
}

/** z_next = z + (sigmaNext - sigma) d, with the derivative d = (z - z0) / sigma. */
function eulerStep(
  prediction: Prediction,
  { sigma, sigmaNext }: { readonly sigma: number; readonly sigmaNext: number },
): LinearForm {
  const x0 = eulerOriginal(prediction, sigma);
  const slope = (sigmaNext - sigma) / sigma;
  return { z: 1 + slope * (1 - x0.z), output: -slope * x0.output };
}
