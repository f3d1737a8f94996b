import { describe, expect, it } from 'vitest';
import {
  type GaussianKernel,
  logProb,
  logProbCoefficients,
  sampleKernel,
} from '../../../src/diffusion/kernel.ts';
import { applyForm } from '../../../src/diffusion/parametrization.ts';
import type { Scheduler } from '../../../src/diffusion/scheduler.ts';
import { float32Space } from '../../../src/diffusion/vectorSpace.ts';
import '../../helpers/toBeAllClose.ts';
import { schedulerFor } from './samplerSetup.ts';

const z = Float32Array.of(0.5, -1, 2);
const output = Float32Array.of(0.1, 0.3, -0.7);
const noise = Float32Array.of(1, -2, 0.25);

function kernelOf(scheduler: Scheduler, i: number): GaussianKernel {
  if (scheduler.kernel === null) throw new Error(`${scheduler.kind} has no kernel`);
  return scheduler.kernel(i);
}

describe.each(['epsilon', 'v_prediction'] as const)('kernels with %s', (prediction) => {
  it('of DDIM with eta 1 is the posterior of DDPM', () => {
    const ddim = schedulerFor({ scheduler: 'ddim', steps: 50, prediction, eta: 1 });
    const ddpm = schedulerFor({ scheduler: 'ddpm', steps: 50, prediction });
    // Not at the last step: DDIM ends at alphasBar[0], DDPM at 1.
    for (let i = 0; i < 49; i++) {
      const a = kernelOf(ddim, i);
      const b = kernelOf(ddpm, i);
      expect([a.mean.z, a.mean.output, a.std]).toBeAllClose([b.mean.z, b.mean.output, b.std], {
        atol: 1e-12,
      });
    }
  });

  it.each([
    { scheduler: 'ddpm', eta: 0 },
    { scheduler: 'ddim', eta: 0.4 },
  ] as const)('sample what a step of $scheduler samples', ({ scheduler: kind, eta }) => {
    const scheduler = schedulerFor({ scheduler: kind, steps: 50, prediction, eta });
    const stepped = scheduler.step(float32Space, scheduler.start(z), 7, { output, noise });
    expect(stepped.z).toEqual(sampleKernel(float32Space, kernelOf(scheduler, 7), z, { output, noise }));
  });
});

describe('DDPM variance', () => {
  it('is beta itself with fixed_large, of the stride and not of one timestep', () => {
    const scheduler = schedulerFor({ scheduler: 'ddpm', steps: 50, file: { variance_type: 'fixed_large' } });
    const { alphasBar } = scheduler.schedule;
    const beta = 1 - (alphasBar[981] ?? 0) / (alphasBar[961] ?? 0);
    expect(kernelOf(scheduler, 0).std ** 2).toBeCloseTo(beta, 12);
  });
});

describe('log-probability', () => {
  const kernel: GaussianKernel = { mean: { z: 0.9, output: -0.2 }, std: 0.5 };

  it('is the normal log-density averaged over elements', () => {
    const mean = applyForm(float32Space, kernel.mean, z, output);
    const next = sampleKernel(float32Space, kernel, z, { output, noise });
    const densities = [...next].map((x, j) => {
      const deviation = (x - (mean[j] ?? 0)) / kernel.std;
      return Math.log(Math.exp(-0.5 * deviation ** 2) / (kernel.std * Math.sqrt(2 * Math.PI)));
    });
    const average = densities.reduce((a, b) => a + b) / densities.length;
    expect(logProb(float32Space, kernel, { z, output }, next)).toBeCloseTo(average, 5);
  });

  it('is highest at the mean', () => {
    const at = (x: Float32Array) => logProb(float32Space, kernel, { z, output }, x);
    const mean = applyForm(float32Space, kernel.mean, z, output);
    expect(at(mean)).toBeGreaterThan(at(sampleKernel(float32Space, kernel, z, { output, noise })));
  });

  it('does not exist for a deterministic step', () => {
    const { std } = kernelOf(schedulerFor({ scheduler: 'ddim', steps: 50 }), 0);
    expect(() => logProbCoefficients(std)).toThrow(expect.objectContaining({ code: 'kernel-deterministic' }));
  });

  it('exists for no sampler without step noise', () => {
    for (const scheduler of ['euler', 'pndm', 'dpmpp2m'] as const) {
      expect(schedulerFor({ scheduler, steps: 50 }).kernel).toBeNull();
    }
  });
});
