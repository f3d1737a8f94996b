/**
 * OWL-ViT (Minderer et al. 2022, arXiv:2205.06230): every patch of a picture says where an object is that it belongs to,
 * and how well a text names it.
 */
import { runLayerNorm, runLinear } from '../../models/layers.ts';
import { gelu } from '../../tensor/ops/activations.ts';
import { type Tensor, type Tensor2D, type Tensor3D, tf } from '../../tensor/tf.ts';
import { encodePixels, type Pixels, type Spy } from '../vision/run.ts';
import { gridOf } from '../vision/weights.ts';
import type { OwlDetector } from './load.ts';

/** Added to lengths before they divide. */
const LENGTH_EPS = 1e-6;
/** Keeps the place of the last patch, at 1, from infinity. */
const PLACE_EPS = 1e-4;

/** What the heads look at, [N, grid * grid, width]: patches times the class token, both after the last norm. */
export function patchFeatures(w: OwlDetector, pixels: Pixels, spy?: Spy): Tensor3D {
  return tf.tidy(() => {
    const { normEps } = w.encoder.config;
    const states = runLayerNorm(w.encoder.postNorm, encodePixels(w.encoder, pixels, spy), normEps);
    const [count, length, width] = states.shape;
    const first = tf.slice(states, [0, 0, 0], [count, 1, width]);
    const patches = tf.slice(states, [0, 1, 0], [count, length - 1, width]);
    return runLayerNorm(w.mergedNorm, tf.mul(patches, first) as Tensor3D, normEps);
  });
}

/** How well each text names each patch, before the sigmoid. Queries [Q, D], rows of length 1; gives [N, P, Q]. */
export function classLogits({ classes }: OwlDetector, features: Tensor3D, queries: Tensor2D): Tensor3D {
  return tf.tidy(() => {
    const [count, patches] = features.shape;
    const rows = count * patches;
    const embeds = tf.reshape(runLinear(classes.embed, features), [rows, -1]) as Tensor2D;
    const cosines = tf.matMul(unit(embeds), unit(queries), false, true);
    const column = (x: Tensor): Tensor2D => tf.reshape(x, [rows, 1]) as Tensor2D;
    const shift = column(runLinear(classes.shift, features));
    const scale = tf.add(tf.elu(column(runLinear(classes.scale, features))), 1);
    const logits = tf.mul(tf.add(cosines, shift), scale);
    return tf.reshape(logits, [count, patches, queries.shape[0]]) as Tensor3D;
  });
}

/** Center x, center y, width and height of each patch's box in shares of the picture, [N, P, 4]. */
export function patchBoxes({ boxes, encoder }: OwlDetector, features: Tensor3D): Tensor3D {
  return tf.tidy(() => {
    const first = gelu(runLinear(boxes.first, features), 'erf');
    const second = gelu(runLinear(boxes.second, first), 'erf');
    const offsets = runLinear(boxes.last, second);
    const places = tf.tensor3d(placesOfPatches(gridOf(encoder.config)), [1, features.shape[1], 4]);
    return tf.sigmoid(tf.add(offsets, places)) as Tensor3D;
  });
}

/** Where a box would be if the head said nothing: the lower right corner of its patch, and the patch's size; as logits. */
function placesOfPatches(grid: number): Float32Array {
  const logit = (x: number): number => Math.log(x + PLACE_EPS) - Math.log1p(PLACE_EPS - x);
  const size = logit(1 / grid);
  const places = new Float32Array(grid * grid * 4);
  for (let i = 0; i < grid * grid; i++) {
    const [row, column] = [Math.floor(i / grid), i % grid];
    places.set([logit((column + 1) / grid), logit((row + 1) / grid), size, size], 4 * i);
  }
  return places;
}

function unit(rows: Tensor2D): Tensor2D {
  const lengths = tf.sqrt(tf.sum(tf.square(rows), 1, true));
  return tf.div(rows, tf.add(lengths, LENGTH_EPS)) as Tensor2D;
}
