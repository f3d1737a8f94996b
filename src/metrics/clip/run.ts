/** CLIP (Radford et al. 2021, arXiv:2103.00020): texts and pictures as directions in one space. */
import { runLinear } from '../../models/layers.ts';
import { encodeText, pooled } from '../../models/text/run.ts';
import { type Tensor2D, tf } from '../../tensor/tf.ts';
import { encodePixels, type Pixels, pooledClass } from '../vision/run.ts';
import type { ClipTextTower, ClipVisionTower } from './weights.ts';

/** Projected, not normalized: ids [N, L] -> [N, D]. */
export function textFeatures(tower: ClipTextTower, ids: readonly (readonly number[])[]): Tensor2D {
  return tf.tidy(() => {
    const last = encodeText(tower.encoder, ids);
    return runLinear(tower.projection, pooled(tower.encoder, last, ids)) as Tensor2D;
  });
}

/** Projected, not normalized: [N, D]. */
export function imageFeatures(tower: ClipVisionTower, pixels: Pixels): Tensor2D {
  return tf.tidy(() => {
    const last = encodePixels(tower.encoder, pixels);
    return runLinear(tower.projection, pooledClass(tower.encoder, last)) as Tensor2D;
  });
}

/** Rows of [N, D] at length 1, on the CPU. Reads back and disposes. */
export async function unitRows(features: Tensor2D): Promise<Float32Array[]> {
  const [count, width] = features.shape;
  const values = (await features.data()) as Float32Array;
  features.dispose();
  return Array.from({ length: count }, (_, n) => {
    const row = values.slice(n * width, (n + 1) * width);
    const length = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0));
    return row.map((x) => x / length);
  });
}

/** Of two rows of length 1. Neither clipped at 0 nor scaled. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
