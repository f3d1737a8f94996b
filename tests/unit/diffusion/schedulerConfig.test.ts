import { describe, expect, it } from 'vitest';
import {
  parseSchedulerFile,
  readSchedulerFile,
  resolveScheduler,
} from '../../../src/diffusion/schedulerConfig.ts';
import { STABLE_DIFFUSION_FILE } from './samplerSetup.ts';

/** SD-2.1-base's file: a PNDM config without `timestep_spacing`. */
const SD21_BASE = {
  ...STABLE_DIFFUSION_FILE,
  _class_name: 'PNDMScheduler',
  _diffusers_version: '0.10.0.dev0',
  prediction_type: 'epsilon',
  trained_betas: null,
};

describe('class defaults', () => {
  const file = parseSchedulerFile(SD21_BASE);

  it('give leading steps or linspace, as diffusers does with this file', () => {
    const spacing = (['ddim', 'ddpm', 'pndm', 'euler', 'dpmpp2m'] as const).map(
      (kind) => resolveScheduler(file, kind).spacing,
    );
    expect(spacing).toEqual(['leading', 'leading', 'leading', 'linspace', 'linspace']);
  });

  it('yield to the file, and the file to the caller', () => {
    const leading = parseSchedulerFile({ ...SD21_BASE, timestep_spacing: 'leading' });
    expect(resolveScheduler(leading, 'euler').spacing).toBe('leading');
    expect(resolveScheduler(leading, 'euler', { spacing: 'trailing' }).spacing).toBe('trailing');
  });

  it('fill an empty file', () => {
    expect(resolveScheduler(parseSchedulerFile({}), 'ddim')).toEqual({
      kind: 'ddim',
      numTrainTimesteps: 1000,
      betaStart: 0.0001,
      betaEnd: 0.02,
      betaSchedule: 'linear',
      prediction: 'epsilon',
      spacing: 'leading',
      stepsOffset: 0,
      setAlphaToOne: true,
      eta: 0,
      variance: 'fixedSmall',
      finalSigma: 'zero',
      solver: { order: 2, type: 'midpoint', lowerOrderFinal: true, eulerAtFinal: false },
    });
    expect(resolveScheduler(parseSchedulerFile({}), 'pndm').setAlphaToOne).toBe(false);
  });
});

describe('a file', () => {
  it('names its sampler, or none of ours', () => {
    const kind = (name: string) => parseSchedulerFile({ _class_name: name }).kind;
    expect(kind('EulerDiscreteScheduler')).toBe('euler');
    expect(kind('EulerAncestralDiscreteScheduler')).toBeNull();
    expect(parseSchedulerFile({}).kind).toBeNull();
  });

  it('may hold a bare -Infinity, as Python writes it', () => {
    const text = '{"_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": -Infinity}';
    expect(readSchedulerFile(text).kind).toBe('dpmpp2m');
  });

  it('that is not JSON is refused by name', () => {
    expect(() => readSchedulerFile('{', 'model/scheduler_config.json')).toThrow(
      'model/scheduler_config.json is not valid JSON.',
    );
  });

  it.each([
    ['beta_schedule', 'sigmoid'],
    ['prediction_type', 'sample'],
    ['timestep_spacing', 'quadratic'],
    ['num_train_timesteps', 0],
    ['beta_start', -1],
    ['beta_end', '0.012'],
    ['clip_sample', true],
    ['thresholding', true],
    ['rescale_betas_zero_snr', true],
    ['use_karras_sigmas', true],
    ['trained_betas', [0.1, 0.2]],
    ['variance_type', 'learned_range'],
    ['lambda_min_clipped', -5.1],
    ['interpolation_type', 'log_linear'],
    ['a_key_of_the_future', 3],
    ['_class_name', 'FlowMatchEulerDiscreteScheduler'],
  ])('with %s = %j is refused with both in the message', (key, value) => {
    expect(() => parseSchedulerFile({ ...SD21_BASE, [key]: value })).toThrow(
      expect.objectContaining({
        code: 'scheduler-config-unsupported',
        message: `Scheduler setting ${key} = ${JSON.stringify(value)} is not supported.`,
      }),
    );
  });

  it('is refused for PNDM where it asks for Runge-Kutta steps, and only there', () => {
    const file = parseSchedulerFile({ ...SD21_BASE, skip_prk_steps: false });
    expect(() => resolveScheduler(file, 'pndm')).toThrow('skip_prk_steps = false');
    expect(resolveScheduler(file, 'ddpm').kind).toBe('ddpm');
  });

  it.each([
    ['algorithm_type', 'sde-dpmsolver++'],
    ['solver_order', 3],
    ['solver_type', 'simpson'],
  ])('with %s = %j is refused by DPM-Solver++ only', (key, value) => {
    const file = parseSchedulerFile({ ...SD21_BASE, [key]: value });
    expect(() => resolveScheduler(file, 'dpmpp2m')).toThrow(
      `${key} = ${JSON.stringify(value)} is not supported`,
    );
    expect(resolveScheduler(file, 'ddim').kind).toBe('ddim');
  });

  it('of UniPC or DEIS gives DPM-Solver++ its midpoint solver', () => {
    const file = parseSchedulerFile({ ...SD21_BASE, solver_type: 'bh2', algorithm_type: 'deis' });
    expect(resolveScheduler(file, 'dpmpp2m').solver.type).toBe('midpoint');
  });

  it('that is no object at all is refused', () => {
    expect(() => parseSchedulerFile([1])).toThrow(
      expect.objectContaining({ code: 'scheduler-config-unsupported' }),
    );
    expect(() => parseSchedulerFile(null)).toThrow(
      expect.objectContaining({ code: 'scheduler-config-unsupported' }),
    );
  });
});
