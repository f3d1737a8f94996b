/** Noise-prediction errors and MI of finished images under a model, over noise draws that are the same every time. */

import { drawnAtOnce } from '../contract/policy.ts';
import { measureRenoised } from '../mi/measureRenoised.ts';
import { type RenoiseMeasurement, renoisePlan, scoreRenoised } from '../mi/renoisedScore.ts';
import type { ScoreOptions } from '../mi/score.ts';
import { type Tensor4D, tf } from '../tensor/tf.ts';
import type { Session } from './session.ts';
import { contextsOf, denoiserOf, type Tuned } from './tuned.ts';

/** A finished image: its latent in scaled space (NHWC) and its prompt. */
export type CaptionedLatent = { readonly text: string; readonly latent: Float32Array };

type MeasureOptions = {
  /** Timesteps to noise to. */
  readonly grid: readonly number[];
  readonly draws: number;
  readonly seed: number;
  readonly batch: number;
  readonly signal?: AbortSignal | undefined;
  readonly onImages?: ((done: number) => void) | undefined;
};

/** `count` timesteps at the middles of equal parts of 0..T-1, ascending. */
export function middleTimesteps(T: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * T) / count));
}

/** [image][draw]; two network evaluations per image and draw. */
export async function measureSet(
  session: Session,
  tuned: Tuned | null,
  images: readonly CaptionedLatent[],
  options: MeasureOptions,
): Promise<RenoiseMeasurement[][]> {
  const plan = renoisePlan(options.grid, { draws: options.draws });
  const measured: RenoiseMeasurement[][] = [];
  const rows = drawnAtOnce(session.policy, options.batch);
  const contexts = contextsOf(session, tuned);
  await contexts.prepare(['', ...images.map((image) => image.text)], options.signal);
  for (let from = 0; from < images.length; from += rows) {
    const group = images.slice(from, from + rows);
    const latents = stackLatents(session, group);
    const uncond = await contexts.rows(group.map(() => ''));
    const cond = await contexts.rows(group.map(({ text }) => text));
    const { schedule, prediction } = session;
    const denoiser = denoiserOf(session, tuned);
    const { seed, signal } = options;
    try {
      measured.push(
        ...(await measureRenoised({
          denoiser,
          schedule,
          prediction,
          latents,
          uncond,
          cond,
          plan,
          seed,
          signal,
        })),
      );
    } finally {
      for (const tensor of [latents, uncond, cond]) tensor.dispose();
    }
    options.onImages?.(measured.length);
  }
  return measured;
}

/** [images, h, w, c] */
export function stackLatents(
  session: Session,
  images: readonly { readonly latent: Float32Array }[],
): Tensor4D {
  const [h, w, c] = session.latentShape;
  const out = new Float32Array(images.length * h * w * c);
  for (const [i, { latent }] of images.entries()) out.set(latent, i * latent.length);
  return tf.tensor4d(out, [images.length, h, w, c]);
}

/** Mean over images of the conditional error per element, for each draw of the plan: pairs up across models. */
export function errorsByDraw(measured: readonly (readonly RenoiseMeasurement[])[], size: number): number[] {
  const draws = measured[0]?.length ?? 0;
  return Array.from({ length: draws }, (_, d) => {
    const sum = measured.reduce((total, image) => total + (image[d]?.condError ?? Number.NaN), 0);
    return sum / (measured.length * size);
  });
}

/** Mean over images of the re-noised orthogonal estimate. */
export function meanMi(
  session: Session,
  measured: readonly (readonly RenoiseMeasurement[])[],
  options: ScoreOptions,
): number {
  const scores = measured.map((m) => scoreRenoised(session.schedule, m, options).orthogonal.value);
  return scores.reduce((a, b) => a + b, 0) / scores.length;
}
