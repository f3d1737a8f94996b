// Hook H1: any contexts, adapters on or off, gradients with respect to the latent, stopping early.

import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type DenoiseOptions,
  type Denoiser,
  denoise,
  type LatentGradientOptions,
  type LatentLoss,
  latentGradient,
} from '../../../src/diffusion/denoise.ts';
import type { MapCapture } from '../../../src/models/unet/gradients.ts';
import { embedPrompt } from '../../../src/procedures/session.ts';
import { applyAdapter } from '../../../src/procedures/tuned.ts';
import { type Scalar, type Tensor3D, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import { onBackends, randoms, relativeError, take } from '../kernels/harness.ts';
import { type Bench, openBench, someAdapter } from '../training/bench.ts';

onBackends('the denoiser', () => {
  let bench: Bench;
  let base: Denoiser;
  let zt: Tensor4D;
  let contexts: Tensor3D[];
  beforeAll(async () => {
    bench = await openBench();
    base = { unet: bench.model.unet, adapter: null };
    zt = tf.tensor4d(randoms(1, 256), [1, 8, 8, 4]);
    contexts = ['', 'a cat', 'the dog'].map((text) => embedPrompt(bench.session, text));
  });
  afterAll(() => {
    tf.dispose([zt, contexts]);
    bench.dispose();
  });

  it('evaluates several contexts in one call, one after the other', async () => {
    const together = await take(denoise(base, zt, 300, contexts));
    for (const [i, context] of contexts.entries()) {
      expect(await take(denoise(base, zt, 300, [context]))).toEqual(together.slice(256 * i, 256 * (i + 1)));
    }
    const perRow = await take(denoise(base, zt, [300], contexts));
    expect(relativeError(perRow, together)).toBeLessThan(1e-5);
  });

  it('gives the base model with adapters off', async () => {
    const tuned = await applyAdapter(bench.session, someAdapter(bench, 'dora'));
    const denoiser = { ...base, adapter: tuned.project };
    const plain = await take(denoise(base, zt, 300, contexts));
    expect(await take(denoise(denoiser, zt, 300, contexts, { adapters: 'off' }))).toEqual(plain);
    expect(await take(denoise(denoiser, zt, 300, contexts))).not.toEqual(plain);
    tuned.dispose();
  });

  it.each([
    ['the prediction', {}],
    ['a hidden state', { stopAfter: 'up_blocks.0.resnets.1' }],
  ] as const)('differentiates %s with respect to the latent', async (_, options: DenoiseOptions) => {
    const weights = tf.tensor(randoms(9, 2 * sizeAfter(options)));
    const loss = (output: Tensor4D): Scalar => tf.sum(tf.mul(tf.reshape(output, [-1]), weights));
    const two = contexts.slice(1);
    const found = await latentGradient(base, zt, 300, two, loss, options);
    const value = (await take(found.loss))[0] as number;
    const gradient = await take(found.gradient);
    const length = Math.hypot(...gradient);
    const lossAt = async (step: number): Promise<number> => {
      const moved = tf.tidy(() =>
        tf.add(
          zt,
          tf.tensor4d(
            gradient.map((g) => (step * g) / length),
            zt.shape,
          ),
        ),
      );
      const output = await take(denoise(base, moved as Tensor4D, 300, two, options));
      moved.dispose();
      const r = randoms(9, output.length);
      return output.reduce((sum, x, i) => sum + x * (r[i] as number), 0);
    };
    expect(value / (await lossAt(0))).toBeCloseTo(1, 3);
    const slope = async (step: number): Promise<number> =>
      ((await lossAt(step)) - (await lossAt(-step))) / (2 * step);
    const expected = (4 * (await slope(0.02)) - (await slope(0.04))) / 3;
    expect(Math.abs(length / expected - 1)).toBeLessThan(5e-3);
    weights.dispose();
  });

  it.each(['whole', 'byStage'] as const)(
    'differentiates what attention hooks collect on the way, %s',
    async (mode) => {
      // The loss of Attend-and-Excite: the largest attention that any pixel pays to token 2.
      const options: LatentGradientOptions = { capture: tokenTwo, stopAfter: 'up_blocks.0.resnets.1', mode };
      const lossOf: LatentLoss = (_, maps) => {
        expect(maps).toHaveLength(4);
        return tf.sub(1, tf.max(tf.div(tf.addN([...maps]), maps.length))) as Scalar;
      };
      const prompt = contexts.slice(1, 2);
      const found = await latentGradient(base, zt, 300, prompt, lossOf, options);
      const value = (await take(found.loss))[0] as number;
      const length = tf.tidy(() => tf.norm(found.gradient));
      // One step down the gradient, as long as the latent's own noise of 2%, lowers the loss.
      const moved = tf.tidy(() => tf.sub(zt, tf.mul(found.gradient, tf.div(0.32, length))) as Tensor4D);
      const again = await latentGradient(base, moved, 300, prompt, lossOf, options);
      expect((await take(again.loss))[0]).toBeLessThan(value - 1e-4);
      tf.dispose([found.gradient, again.gradient, length, moved]);
    },
  );

  it('gives the same gradient stage by stage as on one tape', async () => {
    // Outputs of several contexts and maps of the way down, the middle and the way up, all in one loss.
    const weights = tf.tensor4d(randoms(9, 768), [3, 8, 8, 4]);
    const loss: LatentLoss = (outputs, maps) =>
      tf.addN([
        tf.sum(tf.mul(outputs, weights)),
        ...maps.map((map, i) => tf.sum(tf.square(tf.mul(map, i + 1)))),
      ]) as Scalar;
    const tuned = await applyAdapter(bench.session, someAdapter(bench, 'dora'));
    const denoiser = { ...base, adapter: tuned.project };
    const two = tf.tensor4d(randoms(1, 512), [2, 8, 8, 4]);
    const rows = contexts.map((context) => tf.concat([context, context]) as Tensor3D);
    const wide = tf.concat([weights, weights]) as Tensor4D;
    for (const [latent, texts, of] of [
      [zt, contexts, loss],
      [
        two,
        rows,
        (outputs, maps) =>
          tf.add(tf.sum(tf.mul(outputs, wide)), tf.addN(maps.map((m) => tf.sum(tf.square(m))))) as Scalar,
      ],
    ] as [Tensor4D, Tensor3D[], LatentLoss][]) {
      const found: Float32Array[] = [];
      for (const mode of ['whole', 'byStage'] as const) {
        const made = await latentGradient(denoiser, latent, 300, texts, of, { capture: tokenTwo, mode });
        made.loss.dispose();
        found.push(await take(made.gradient));
      }
      expect(relativeError(found[1] as Float32Array, found[0] as Float32Array)).toBeLessThan(1e-5);
    }
    tf.dispose([weights, wide, two, rows]);
    tuned.dispose();
  });
});

/** Cross-attention of the 4 x 4 sites to token 2, heads averaged. */
const tokenTwo: MapCapture = {
  wants: ({ kind, resolution }) => kind === 'cross' && resolution[0] === 4,
  reduce: (probs) => tf.tidy(() => tf.mean(tf.slice(probs, [0, 0, 0, 2], [-1, -1, -1, 1]), 1)),
};

/** Elements of one sample's output. */
function sizeAfter({ stopAfter }: DenoiseOptions): number {
  return stopAfter === undefined ? 256 : 4 * 4 * 16;
}
