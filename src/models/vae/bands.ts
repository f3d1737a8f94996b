/**
 * Decoder and encoder of AutoencoderKL in horizontal bands. At 512 x 512 pixels one activation of the last block has 268
 * MB and the whole decoder needs several GB at once; in bands it needs the activations of one residual block. The numbers
 * are those of the whole image to rounding, without seams: convolutions see the rows beyond a band's edges, and group
 * norms take their moments over all bands.
 */
import { silu } from '../../tensor/ops/activations.ts';
import { conv2d } from '../../tensor/ops/conv2d.ts';
import { groupMoments } from '../../tensor/ops/groupMoments.ts';
import type { Pieces } from '../../tensor/pace.ts';
import { type Tensor, type Tensor4D, tf } from '../../tensor/tf.ts';
import { runConv, runLinear } from '../layers.ts';
import type { Conv, Norm } from '../parameters.ts';
import { finishEncoding, type Moments, NORM_EPS, runMid } from './run.ts';
import type { VaeBlock, VaeResnet, VaeWeights } from './weights.ts';

/** Rows of an activation from top to bottom, [N, rows, W, C] each. The owner disposes. */
type Bands = readonly Tensor4D[];

/** The scale and shift per channel that a group norm comes to, [N, 1, 1, C] each. */
type Affine = { readonly scale: Tensor; readonly shift: Tensor };

/**
 * latent [N, h, w, C], already divided by the scaling factor -> image [N, h f, w f, 3], about [-1, 1]. Where it yields,
 * nothing is on the device but what is still needed.
 * @param count of bands; where it does not divide h, the next smaller that does
 */
export function* decodeInBands(vae: VaeWeights, latent: Tensor4D, count: number): Pieces<Tensor4D> {
  const { decoder } = vae;
  const low = tf.tidy(() =>
    runMid(decoder.mid, runConv(decoder.convIn, runLinear(vae.postQuant, latent) as Tensor4D), vae),
  );
  const bands = split(low, count);
  yield;
  let x = bands;
  for (const block of decoder.blocks) x = yield* runBlock(vae, block, x, upsample);
  const last = x;
  const norm = affine(last, decoder.normOut, vae.config.groups);
  const out = yield* map(last, (at) => convolve(last, at, decoder.convOut, norm));
  drop(norm);
  return join(out);
}

/** image [N, H, W, 3] in [-1, 1] -> moments of its latent [N, H/f, W/f, C], as `encode` gives them. */
export function* encodeInBands(vae: VaeWeights, image: Tensor4D, count: number): Pieces<Moments> {
  const { encoder, config } = vae;
  // Every band comes to a whole number of latent rows.
  const pixels = split(image.clone(), divisorOf(image.shape[1] / config.factor, count));
  let x = yield* map(pixels, (at) => convolve(pixels, at, encoder.convIn, null));
  for (const block of encoder.blocks) x = yield* runBlock(vae, block, x, downsample);
  const low = join(x);
  const moments = tf.tidy(() => finishEncoding(vae, low));
  low.dispose();
  return moments;
}

function* runBlock(
  vae: VaeWeights,
  block: VaeBlock,
  start: Bands,
  resample: (x: Bands, conv: Conv) => Pieces<Bands>,
): Pieces<Bands> {
  let x = start;
  for (const resnet of block.resnets) x = yield* runResnet(resnet, x, vae.config.groups);
  return block.resample === null ? x : yield* resample(x, block.resample);
}

/** Consumes `x`. */
function* runResnet(w: VaeResnet, x: Bands, groups: number): Pieces<Bands> {
  const norm1 = affine(x, w.norm1, groups);
  const h: Tensor4D[] = [];
  for (let at = 0; at < x.length; at++) {
    h.push(convolve(x, at, w.conv1, norm1));
    yield;
  }
  drop(norm1);
  const norm2 = affine(h, w.norm2, groups);
  const out = yield* map(h, (at) =>
    tf.tidy(() => {
      const own = x[at] as Tensor4D;
      const sum = tf.add(
        w.shortcut === null ? own : runLinear(w.shortcut, own),
        convolve(h, at, w.conv2, norm2),
      );
      own.dispose();
      return sum as Tensor4D;
    }),
  );
  drop(norm2);
  return out;
}

/** Nearest neighbor by two, then a convolution. Consumes `x`. */
function upsample(x: Bands, conv: Conv): Pieces<Bands> {
  return map(x, (at) =>
    tf.tidy(() => {
      const { rows, above } = withNeighbors(x, at);
      const [, height, width] = rows.shape;
      const wide = runConv(conv, rows, { upsample: [2 * height, 2 * width] });
      return cut(wide, 2 * above, 2 * (x[at] as Tensor4D).shape[1]);
    }),
  );
}

/** Convolution with stride 2, padded right and at the bottom of the last band. Consumes `x`. */
function downsample(x: Bands, conv: Conv): Pieces<Bands> {
  return map(x, (at) =>
    tf.tidy(() => {
      const own = x[at] as Tensor4D;
      const below = x[at + 1];
      // An even number of rows needs one more; the padding below it is never seen.
      const rows = below === undefined ? own : tf.concat([own, cut(below, 0, 1)], 1);
      return conv2d(rows, conv.w, conv.b, { stride: 2, pad: 'bottomRight' });
    }),
  );
}

/** Convolution of band `at`, normalized and activated on the way if there is a norm. */
function convolve(x: Bands, at: number, conv: Conv, norm: Affine | null): Tensor4D {
  return tf.tidy(() => {
    const { rows, above } = withNeighbors(x, at);
    const active = norm === null ? rows : (silu(tf.add(tf.mul(rows, norm.scale), norm.shift)) as Tensor4D);
    return cut(
      conv2d(active, conv.w, conv.b, { stride: 1, pad: 'same' }),
      above,
      (x[at] as Tensor4D).shape[1],
    );
  });
}

/** A band with the row above it and the row below it, where there are any: all that a 3 x 3 kernel sees. */
function withNeighbors(x: Bands, at: number): { rows: Tensor4D; above: number } {
  const own = x[at] as Tensor4D;
  const before = x[at - 1];
  const after = x[at + 1];
  const parts = [
    ...(before === undefined ? [] : [cut(before, before.shape[1] - 1, 1)]),
    own,
    ...(after === undefined ? [] : [cut(after, 0, 1)]),
  ];
  return { rows: tf.concat(parts, 1), above: before === undefined ? 0 : 1 };
}

/** `count` rows from row `first`. */
function cut(x: Tensor4D, first: number, count: number): Tensor4D {
  const [n, , width, channels] = x.shape;
  return tf.slice(x, [0, first, 0, 0], [n, count, width, channels]);
}

/** Consumes `whole`. */
function split(whole: Tensor4D, count: number): Bands {
  const height = whole.shape[1];
  const parts = divisorOf(height, count);
  const rows = height / parts;
  const bands = Array.from({ length: parts }, (_, i) => cut(whole, i * rows, rows));
  whole.dispose();
  return bands;
}

/** Consumes the bands. */
function join(bands: Bands): Tensor4D {
  const whole = tf.concat([...bands], 1);
  tf.dispose([...bands]);
  return whole;
}

/** The largest divisor of `size` that is at most `limit`. */
function divisorOf(size: number, limit: number): number {
  let divisor = Math.max(1, Math.min(Math.floor(limit), size));
  while (size % divisor !== 0) divisor--;
  return divisor;
}

/** New bands one after another; a band of `x` goes as soon as no other needs its edge. */
function* map(x: Bands, make: (at: number) => Tensor4D): Pieces<Bands> {
  const out: Tensor4D[] = [];
  for (let at = 0; at < x.length; at++) {
    out.push(make(at));
    x[at - 1]?.dispose();
    yield;
  }
  x.at(-1)?.dispose();
  return out;
}

/**
 * Group norm over all bands as one scale and shift per channel. Moments of bands of one size join by
 * squares = sum(squares_i) + n_i sum((mean_i - mean)^2) (Chan, Golub & LeVeque 1983, eq. 2.1).
 */
function affine(x: Bands, { gamma, beta }: Norm, groups: number): Affine {
  return tf.tidy(() => {
    const [n, height, width, channels] = (x[0] as Tensor4D).shape;
    const perBand = (height * width * channels) / groups;
    const moments = x.map((band) => groupMoments(band, groups));
    const means = tf.stack(moments.map((m) => m.mean)); // [bands, N, G]
    const mean = tf.mean(means, 0); // [N, G]
    // Not addN, which binds all its inputs at once: devices have room for 8 to 10.
    const within = tf.sum(tf.stack(moments.map((m) => m.squares)), 0);
    const between = tf.mul(tf.sum(tf.square(tf.sub(means, mean)), 0), perBand);
    const variance = tf.div(tf.add(within, between), perBand * x.length);
    const inverseStd = tf.rsqrt(tf.add(variance, NORM_EPS));
    const byGroup = (values: Tensor): Tensor => tf.reshape(values, [n, groups, 1]);
    const perGroup = [1, groups, channels / groups];
    const scale = tf.mul(tf.reshape(gamma, perGroup), byGroup(inverseStd)); // [N, G, C / G]
    const shift = tf.sub(tf.reshape(beta, perGroup), tf.mul(scale, byGroup(mean)));
    const perChannel = [n, 1, 1, channels];
    return { scale: tf.reshape(scale, perChannel), shift: tf.reshape(shift, perChannel) };
  });
}

function drop({ scale, shift }: Affine): void {
  tf.dispose([scale, shift]);
}
