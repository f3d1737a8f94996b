/** Noised latents and what a network should say of them, for training and for measuring. */
import type { Prediction } from '../contract/spec.ts';
import { type Tensor4D, tf } from '../tensor/tf.ts';
import { addNoise, noisingCoefficients, predictionTarget } from './parametrization.ts';
import type { NoiseSchedule } from './schedule.ts';
import { tensorSpace } from './tensorSpace.ts';

type Noised = {
  /** z_t = sqrt(alphasBar_t) z0 + sqrt(1 - alphasBar_t) eps [N, h, w, c] */
  readonly zt: Tensor4D;
  /** eps, or the velocity; never one of the arguments [N, h, w, c] */
  readonly target: Tensor4D;
};

/**
 * @param t one timestep for all rows, or one per row
 * @param z0 clean latents in scaled space [N, h, w, c]
 * @param eps [N, h, w, c]
 * @returns new tensors
 */
export function noised(
  model: { readonly schedule: NoiseSchedule; readonly prediction: Prediction },
  t: number | readonly number[],
  z0: Tensor4D,
  eps: Tensor4D,
): Noised {
  if (typeof t === 'number') {
    const target = predictionTarget(tensorSpace, model, t, z0, eps);
    return {
      zt: addNoise(tensorSpace, model.schedule, t, z0, eps),
      target: target === eps ? eps.clone() : target,
    };
  }
  const perRow = (values: number[]): Tensor4D => tf.tensor4d(values, [values.length, 1, 1, 1]);
  return tf.tidy(() => {
    const coefficients = t.map((value) => noisingCoefficients(model.schedule, value));
    const signal = perRow(coefficients.map((c) => c.signal));
    const sigma = perRow(coefficients.map((c) => c.noise));
    const zt = tf.add(tf.mul(z0, signal), tf.mul(eps, sigma)) as Tensor4D;
    if (model.prediction === 'epsilon') return { zt, target: eps.clone() };
    return { zt, target: tf.sub(tf.mul(eps, signal), tf.mul(z0, sigma)) as Tensor4D };
  });
}
