/** Forward pass of the image encoder (Dosovitskiy et al. 2021, arXiv:2010.11929). */
import { StudioError } from '../../lib/errors.ts';
import { runLayerNorm, runLinear } from '../../models/layers.ts';
import { runPreNormLayer } from '../../models/preNorm/run.ts';
import { type Tensor2D, type Tensor3D, tf } from '../../tensor/tf.ts';
import { gridOf, type VisionWeights } from './weights.ts';

/** Normalized pictures of one size, [N, 3, H, W] as their preprocessing makes them. */
export type Pixels = {
  readonly values: Float32Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
};

/** Sees states by name: `patch_embed`, `embeddings`, `ln_pre`, `layers.K`, `layers.K.layer_norm1|self_attn|mlp`. */
export type Spy = (name: string, state: Tensor3D) => void;

/**
 * Hidden states after the last layer, before the last norm: [N, 1 + grid * grid, width], the class token first.
 * @throws StudioError `metric-image-size` for pictures of another size than the network's
 */
export function encodePixels(w: VisionWeights, pixels: Pixels, spy?: Spy): Tensor3D {
  const { imageSize, heads, normEps, activation } = w.config;
  if (pixels.height !== imageSize || pixels.width !== imageSize) {
    throw new StudioError(
      'metric-image-size',
      `A picture of ${pixels.width} x ${pixels.height} pixels came to a network for ${imageSize} x ${imageSize}.`,
      {
        remedy:
          'Score square pictures, or pictures whose longer side is not exactly the size of the network.',
      },
    );
  }
  return tf.tidy(() => {
    let h = tf.tidy(() => embed(w, pixels, spy));
    for (const [i, layer] of w.layers.entries()) {
      const x = h;
      h = tf.tidy(() => {
        if (spy === undefined)
          return runPreNormLayer(layer, x, { heads, normEps, activation, causal: false });
        let before = x;
        const y = runPreNormLayer(layer, x, { heads, normEps, activation, causal: false }, (name, state) => {
          if (name === 'layer_norm1') spy(`layers.${i}.layer_norm1`, state);
          else {
            spy(`layers.${i}.self_attn`, tf.sub(state, before));
            before = state;
          }
        });
        spy(`layers.${i}.mlp`, tf.sub(y, before));
        spy(`layers.${i}`, y);
        return y;
      });
      x.dispose();
    }
    return h;
  });
}

/** The class token after the last norm, [N, width]. */
export function pooledClass(w: VisionWeights, last: Tensor3D): Tensor2D {
  return tf.tidy(() => {
    const [count, , width] = last.shape;
    const token = tf.reshape(tf.slice(last, [0, 0, 0], [count, 1, width]), [count, width]) as Tensor2D;
    return runLayerNorm(w.postNorm, token, w.config.normEps);
  });
}

function embed(w: VisionWeights, pixels: Pixels, spy?: Spy): Tensor3D {
  const { width, patchSize } = w.config;
  const grid = gridOf(w.config);
  const { count } = pixels;
  const cut = tf.tensor3d(cutPatches(pixels, patchSize), [count, grid * grid, 3 * patchSize * patchSize]);
  const patches = runLinear(w.patches, cut) as Tensor3D;
  spy?.('patch_embed', patches);
  const first = tf.tile(tf.reshape(w.classToken, [1, 1, width]), [count, 1, 1]);
  const positions = new Float32Array(w.positions.rows * width);
  for (let row = 0; row < w.positions.rows; row++) w.positions.addRow(row, positions, row * width);
  const sum = tf.add(
    tf.concat([first, patches], 1),
    tf.tensor3d(positions, [1, w.positions.rows, width]),
  ) as Tensor3D;
  spy?.('embeddings', sum);
  if (w.preNorm === null) return sum;
  const normed = runLayerNorm(w.preNorm, sum, w.config.normEps);
  spy?.('ln_pre', normed);
  return normed;
}

/** [N, 3, H, W] to [N, patches, 3 k k]: patches row by row, each in the order channel, row, column. */
function cutPatches({ values, count, height, width }: Pixels, patchSize: number): Float32Array {
  const [rows, columns] = [height / patchSize, width / patchSize];
  const out = new Float32Array(values.length);
  let at = 0;
  for (let n = 0; n < count; n++) {
    for (let patch = 0; patch < rows * columns; patch++) {
      const top = Math.floor(patch / columns) * patchSize;
      const left = (patch % columns) * patchSize;
      for (let c = 0; c < 3; c++) {
        for (let y = top; y < top + patchSize; y++) {
          const from = ((n * 3 + c) * height + y) * width + left;
          out.set(values.subarray(from, from + patchSize), at);
          at += patchSize;
        }
      }
    }
  }
  return out;
}
