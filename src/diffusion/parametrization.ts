/**
 * What a network output means: noise (Ho et al. 2020) or velocity (Salimans and Ho 2022, appendix D).
 *
 * With a = sqrt(alphasBar_t) and s = sqrt(1 - alphasBar_t): z_t = a z0 + s eps and v = a eps - s z0, so
 * the clean latent and the noise are linear in (z_t, output) for both. Samplers and the MI estimator
 * use these forms and never branch on the prediction type themselves.
 */
import type { Prediction } from '../contract/spec.ts';
import { interpolate, type NoiseSchedule } from './schedule.ts';
import type { VectorSpace } from './vectorSpace.ts';

/** A vector linear in the current sample and the network output: z * zt + output * networkOutput. */
export type LinearForm = { readonly z: number; readonly output: number };

/** Predicted clean latent z0 as a function of z_t and the network output. */
export function originalForm(prediction: Prediction, alphaBar: number): LinearForm {
  const a = Math.sqrt(alphaBar);
  const s = Math.sqrt(1 - alphaBar);
  switch (prediction) {
    case 'epsilon':
      return { z: 1 / a, output: -s / a };
    case 'v_prediction':
      return { z: a, output: -s };
    default:
      return prediction satisfies never;
  }
}

/** Predicted noise as a function of z_t and the network output. */
export function epsilonForm(prediction: Prediction, alphaBar: number): LinearForm {
  switch (prediction) {
    case 'epsilon':
      return { z: 0, output: 1 };
    case 'v_prediction':
      return { z: Math.sqrt(1 - alphaBar), output: Math.sqrt(alphaBar) };
    default:
      return prediction satisfies never;
  }
}

/** Evaluates a form; terms with a zero coefficient are left out. */
export function applyForm<T>(space: VectorSpace<T>, form: LinearForm, z: T, output: T): T {
  return space.combine(
    form.z === 0
      ? [[form.output, output]]
      : [
          [form.z, z],
          [form.output, output],
        ],
  );
}

/**
 * Factor from ||output difference||^2 to ||deltaEps||^2 at timestep t: 1 for noise, alphasBar_t for
 * velocity (deltaEps = sqrt(alphasBar_t) deltaV, as z_t is shared by the two predictions).
 */
export function squaredDifferenceScale(schedule: NoiseSchedule, prediction: Prediction, t: number): number {
  switch (prediction) {
    case 'epsilon':
      return 1;
    case 'v_prediction':
      return interpolate(schedule.alphasBar, t);
    default:
      return prediction satisfies never;
  }
}

/** Coefficients of z0 and eps in z_t: sqrt(alphasBar_t) and sqrt(1 - alphasBar_t). */
export function noisingCoefficients(schedule: NoiseSchedule, t: number): { signal: number; noise: number } {
  const alphaBar = interpolate(schedule.alphasBar, t);
  return { signal: Math.sqrt(alphaBar), noise: Math.sqrt(1 - alphaBar) };
}

/** z_t = sqrt(alphasBar_t) z0 + sqrt(1 - alphasBar_t) noise. */
export function addNoise<T>(space: VectorSpace<T>, schedule: NoiseSchedule, t: number, z0: T, noise: T): T {
  const c = noisingCoefficients(schedule, t);
  return space.combine([
    [c.signal, z0],
    [c.noise, noise],
  ]);
}

/** What the network should say of z_t: the noise itself, or the velocity. */
export function predictionTarget<T>(
  space: VectorSpace<T>,
  { schedule, prediction }: { readonly schedule: NoiseSchedule; readonly prediction: Prediction },
  t: number,
  z0: T,
  noise: T,
): T {
  return prediction === 'epsilon' ? noise : velocityTarget(space, schedule, t, z0, noise);
}

/** v = sqrt(alphasBar_t) noise - sqrt(1 - alphasBar_t) z0, the training target of v-prediction. */
export function velocityTarget<T>(
  space: VectorSpace<T>,
  schedule: NoiseSchedule,
  t: number,
  z0: T,
  noise: T,
): T {
  const c = noisingCoefficients(schedule, t);
  return space.combine([
    [c.signal, noise],
    [-c.noise, z0],
  ]);
}
