import { torchCudaRandn } from '../lib/philox.ts';
import { type Tensor4D, tf } from '../tensor/tf.ts';

/** Height, width and channels of one latent. */
export type LatentShape = readonly [h: number, w: number, c: number];

/**
 * Noise of several candidates: row n is the `draw`-th `torch.randn((1, c, h, w), generator=cuda)` of `seeds[n]`.
 * Made on the CPU, so that it is the same on every GPU; NCHW draws become NHWC.
 * @returns [seeds.length, h, w, c]
 */
export function latentNoise(seeds: readonly number[], draw: number, [h, w, c]: LatentShape): Tensor4D {
  const area = h * w;
  const out = new Float32Array(seeds.length * area * c);
  seeds.forEach((seed, n) => {
    const nchw = torchCudaRandn(seed, draw, area * c);
    for (let channel = 0; channel < c; channel++) {
      for (let p = 0; p < area; p++) out[(n * area + p) * c + channel] = nchw[channel * area + p] as number;
    }
  });
  return tf.tensor4d(out, [seeds.length, h, w, c]);
}
