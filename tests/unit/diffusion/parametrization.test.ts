import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Prediction } from '../../../src/contract/spec.ts';
import {
  addNoise,
  applyForm,
  epsilonForm,
  squaredDifferenceScale,
  velocityTarget,
} from '../../../src/diffusion/parametrization.ts';
import { createSchedule, STABLE_DIFFUSION_SCHEDULE } from '../../../src/diffusion/schedule.ts';
import { float32Space } from '../../../src/diffusion/vectorSpace.ts';
import '../../helpers/toBeAllClose.ts';

type Golden = Record<'x0' | 'noise' | 'noisy' | 'velocity', number[][]> & { readonly t: number[] };
const golden = (JSON.parse(readFileSync('tests/golden/schedulers.json', 'utf8')) as { addNoise: Golden })
  .addNoise;
const row = (name: 'x0' | 'noise' | 'noisy' | 'velocity', i: number) =>
  Float32Array.from(golden[name][i] ?? []);

const schedule = createSchedule(STABLE_DIFFUSION_SCHEDULE);

/** Noise predicted by a network output at timestep t. */
function toEpsilon(prediction: Prediction, t: number, z: Float32Array, output: Float32Array): Float32Array {
  return applyForm(float32Space, epsilonForm(prediction, schedule.alphasBar[t] ?? Number.NaN), z, output);
}

describe.each([...golden.t.entries()])('row %i, t = %i', (i, t) => {
  const z0 = row('x0', i);
  const noise = row('noise', i);
  const zt = addNoise(float32Space, schedule, t, z0, noise);
  const velocity = velocityTarget(float32Space, schedule, t, z0, noise);

  it('noises and makes velocities as diffusers does', () => {
    expect(zt).toBeAllClose(row('noisy', i), { atol: 1e-6 });
    expect(velocity).toBeAllClose(row('velocity', i), { atol: 1e-6 });
  });

  it('reads the noise back from either prediction', () => {
    const fromVelocity = toEpsilon('v_prediction', t, zt, velocity);
    const fromEpsilon = toEpsilon('epsilon', t, zt, noise);
    expect(fromVelocity).toBeAllClose(noise, { atol: 1e-6 });
    expect(fromEpsilon).toEqual(noise);
  });
});

describe('velocity prediction', () => {
  const t = 400;
  const z = Float32Array.of(0.3, -1.2, 0.8);
  const vUncond = Float32Array.of(0.5, 0.1, -0.4);
  const vCond = Float32Array.of(0.2, 0.6, -0.9);
  const guide = (uncond: Float32Array, cond: Float32Array) =>
    float32Space.combine([
      [1 - 7.5, uncond],
      [7.5, cond],
    ]);
  const eps = (output: Float32Array) => toEpsilon('v_prediction', t, z, output);

  it('commutes with guidance', () => {
    expect(eps(guide(vUncond, vCond))).toBeAllClose(guide(eps(vUncond), eps(vCond)), { atol: 1e-5 });
  });

  it('scales squared differences by alphasBar', () => {
    const squared = (a: Float32Array, b: Float32Array) =>
      a.reduce((sum, x, j) => sum + (x - (b[j] ?? 0)) ** 2, 0);
    const scale = squaredDifferenceScale(schedule, 'v_prediction', t);
    expect(scale * squared(vCond, vUncond)).toBeCloseTo(squared(eps(vCond), eps(vUncond)), 5);
    expect(squaredDifferenceScale(schedule, 'epsilon', t)).toBe(1);
  });
});
