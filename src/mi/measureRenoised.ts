import type { Prediction } from '../contract/spec.ts';
import { type Denoiser, denoise } from '../diffusion/denoise.ts';
import { type LatentShape, latentNoise } from '../diffusion/latentNoise.ts';
import { noised } from '../diffusion/noising.ts';
import { squaredDifferenceScale } from '../diffusion/parametrization.ts';
import type { NoiseSchedule } from '../diffusion/schedule.ts';
import { noiseDifference } from '../tensor/ops/noiseDifference.ts';
import { settle } from '../tensor/pace.ts';
import { scope, type Tensor, type Tensor1D, type Tensor3D, type Tensor4D, tf } from '../tensor/tf.ts';
import type { RenoiseDraw, RenoiseMeasurement } from './renoisedScore.ts';

type RenoiseRequest = {
  readonly denoiser: Denoiser;
  readonly schedule: NoiseSchedule;
  readonly prediction: Prediction;
  /** Clean latents in scaled space [N, h, w, c]. */
  readonly latents: Tensor4D;
  readonly uncond: Tensor3D; // [N, L, D]
  readonly cond: Tensor3D; // [N, L, D]
  readonly plan: readonly RenoiseDraw[];
  /** Seed of the noise that all latents share (common random numbers). */
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
};

/**
 * Measures finished latents by noising them again: for every draw of the plan, ||epsCond - epsUncond||^2 and both
 * squared errors against the true noise, in noise units. Two network evaluations per latent and draw; one read-back.
 * @returns [latent][draw]
 */
export async function measureRenoised(request: RenoiseRequest): Promise<RenoiseMeasurement[][]> {
  const count = request.latents.shape[0];
  const measured: { difference: Tensor1D; uncond: Tensor1D; cond: Tensor1D }[] = [];
  try {
    for (const draw of request.plan) {
      request.signal?.throwIfAborted();
      measured.push(scope(() => measureDraw(request, draw)));
      await settle();
    }
    const read = async (pick: (m: (typeof measured)[number]) => Tensor): Promise<Float32Array> => {
      const stacked = tf.stack(measured.map(pick)); // [draws, N]
      const values = (await stacked.data()) as Float32Array;
      stacked.dispose();
      return values;
    };
    const difference = await read((m) => m.difference);
    const uncond = await read((m) => m.uncond);
    const cond = await read((m) => m.cond);
    return Array.from({ length: count }, (_, n) =>
      request.plan.map(({ t, draw }, i): RenoiseMeasurement => {
        const scale = squaredDifferenceScale(request.schedule, request.prediction, t);
        const at = i * count + n;
        return {
          t,
          draw,
          squaredDifference: (difference[at] as number) * scale,
          uncondError: (uncond[at] as number) * scale,
          condError: (cond[at] as number) * scale,
        };
      }),
    );
  } finally {
    for (const { difference, uncond, cond } of measured) {
      for (const tensor of [difference, uncond, cond]) tensor.dispose();
    }
  }
}

function measureDraw(
  request: RenoiseRequest,
  { t, noiseIndex }: RenoiseDraw,
): { difference: Tensor1D; uncond: Tensor1D; cond: Tensor1D } {
  const { latents } = request;
  const count = latents.shape[0];
  const shape = latents.shape.slice(1) as unknown as LatentShape;
  const one = latentNoise([request.seed], noiseIndex, shape);
  const noise = count === 1 ? one : (tf.tile(one, [count, 1, 1, 1]) as Tensor4D);
  // Errors of v scale to errors of epsilon by the same factor as differences do.
  const { zt, target } = noised(request, t, latents, noise);
  const outputs = denoise(request.denoiser, zt, t, [request.uncond, request.cond]);
  const difference = noiseDifference(outputs, 1).squaredDifference as Tensor1D;
  const errors = noiseDifference(
    tf.concat([tf.concat([target, target], 0), outputs], 0),
    1,
  ).squaredDifference;
  const [uncond, cond] = tf.split(errors, 2) as [Tensor1D, Tensor1D];
  return { difference, uncond, cond };
}
