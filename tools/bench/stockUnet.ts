// The UNet written with stock tfjs ops, as one would without kernels of one's own: what the budgets of speed and of
// dispatches are measured against. It takes the fused ops wherever tfjs has them, so that the comparison is a fair one.

import type { Conv, Linear, Norm } from '../../src/models/parameters.ts';
import { timestepEmbedding } from '../../src/models/unet/timestep.ts';
import type { Attention, Layer, Transformer, UnetWeights } from '../../src/models/unet/weights.ts';
import { type Tensor, type Tensor2D, type Tensor3D, type Tensor4D, tf } from '../../src/tensor/tf.ts';

type Input = { readonly temb: Tensor; readonly context: Tensor3D; readonly groups: number };

/** The prediction for zt [N, H, W, C] and context [N, L, D]; the weights have to be plain f32. */
export function runStockUnet(w: UnetWeights, zt: Tensor4D, t: number, context: Tensor3D): Tensor4D {
  return tf.tidy(() => {
    const { config } = w;
    const width = config.channels[0] as number;
    const sinusoid = tf.tensor2d(timestepEmbedding([t], width, config), [1, width]);
    const temb = silu(dense(w.time2, silu(dense(w.time1, sinusoid))));
    const input: Input = { temb, context, groups: config.groups };
    let h = conv(w.convIn, zt);
    const skips = [h];
    for (const block of w.down) {
      for (const layer of block.layers) {
        h = runLayer(layer, h, input);
        skips.push(h);
      }
      if (block.resample === null) continue;
      h = conv(block.resample, h, 2);
      skips.push(h);
    }
    h = runLayer(w.mid.last, runLayer(w.mid.first, h, input), input);
    for (const block of w.up) {
      for (const layer of block.layers) {
        h = runLayer(layer, tf.concat([h, skips.pop() as Tensor4D], 3), input);
      }
      if (block.resample === null) continue;
      const [, height, columns] = (skips.at(-1) as Tensor4D).shape;
      h = conv(block.resample, tf.image.resizeNearestNeighbor(h, [height, columns]));
    }
    return conv(w.convOut, silu(groupNorm(w.normOut, h, input.groups, config.normEps)));
  });
}

function runLayer({ resnet, transformer }: Layer, x: Tensor4D, input: Input): Tensor4D {
  const norm = (w: Norm, value: Tensor4D): Tensor4D => silu(groupNorm(w, value, input.groups, 1e-5));
  const time = dense(resnet.timeProjection, input.temb);
  let h = tf.add(conv(resnet.conv1, norm(resnet.norm1, x)), time) as Tensor4D;
  h = conv(resnet.conv2, norm(resnet.norm2, h));
  h = tf.add(resnet.shortcut === null ? x : dense(resnet.shortcut, x), h) as Tensor4D;
  return transformer === null ? h : runTransformer(transformer, h, input);
}

function runTransformer(w: Transformer, x: Tensor4D, input: Input): Tensor4D {
  const [n, height, width, channels] = x.shape;
  const normed = groupNorm(w.norm, x, input.groups, 1e-6);
  let h: Tensor3D = tf.reshape(normed, [n, height * width, channels]);
  h = dense(w.projIn, h);
  for (const block of w.blocks) {
    const n1 = layerNorm(block.norm1, h);
    h = tf.add(h, attend(block.attn1, n1, n1));
    h = tf.add(h, attend(block.attn2, layerNorm(block.norm2, h), input.context));
    const [value, gate] = tf.split(dense(block.feedIn, layerNorm(block.norm3, h)), 2, -1) as [Tensor, Tensor];
    const gelu = tf.mul(tf.mul(gate, 0.5), tf.add(tf.erf(tf.mul(gate, Math.SQRT1_2)), 1));
    h = tf.add(h, dense(block.feedOut, tf.mul(value, gelu)));
  }
  return tf.add(tf.reshape(dense(w.projOut, h), x.shape), x);
}

function attend(w: Attention, x: Tensor3D, context: Tensor3D): Tensor3D {
  const q = dense(w.toQ, x) as Tensor3D;
  const mixed = stockAttention(
    q,
    dense(w.toK, context) as Tensor3D,
    dense(w.toV, context) as Tensor3D,
    w.heads,
  );
  return dense(w.toOut, mixed) as Tensor3D;
}

/** softmax(q k^T / sqrt(d)) v with stored scores. q [N, Lq, D], k and v [N, Lk, D] -> [N, Lq, D]. */
export function stockAttention(q: Tensor3D, k: Tensor3D, v: Tensor3D, heads: number): Tensor3D {
  const split = (x: Tensor3D): Tensor4D => {
    const [n, length, width] = x.shape;
    return tf.transpose(tf.reshape(x, [n, length, heads, width / heads]), [0, 2, 1, 3]);
  };
  const scores = tf.mul(tf.matMul(split(q), split(k), false, true), Math.sqrt(heads / q.shape[2]));
  return tf.reshape(tf.transpose(tf.matMul(tf.softmax(scores), split(v)), [0, 2, 1, 3]), q.shape);
}

function dense<T extends Tensor>({ w, b }: Linear, x: T): T {
  const [inner, columns] = w.shape as [number, number];
  const a = tf.reshape(x, [-1, inner]) as Tensor2D;
  const y = tf.fused.matMul({ a, b: w.tensor as Tensor2D, ...(b === null ? {} : { bias: b }) });
  return tf.reshape(y, [...x.shape.slice(0, -1), columns]) as T;
}

function conv({ w, b }: Conv, x: Tensor4D, strides: 1 | 2 = 1): Tensor4D {
  const filter = w.tensor as Tensor4D;
  return tf.fused.conv2d({ x, filter, strides, pad: 1, bias: b, dimRoundingMode: 'floor' });
}

function silu<T extends Tensor>(x: T): T {
  return tf.mul(x, tf.sigmoid(x));
}

function groupNorm({ gamma, beta }: Norm, x: Tensor4D, groups: number, eps: number): Tensor4D {
  const [n, height, width, channels] = x.shape;
  const grouped = tf.reshape(x, [n, height * width, groups, channels / groups]);
  const { mean, variance } = tf.moments(grouped, [1, 3], true);
  const y = tf.mul(tf.sub(grouped, mean), tf.rsqrt(tf.add(variance, eps)));
  return tf.add(tf.mul(tf.reshape(y, x.shape), gamma), beta);
}

function layerNorm({ gamma, beta }: Norm, x: Tensor3D): Tensor3D {
  const { mean, variance } = tf.moments(x, -1, true);
  const y = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5)));
  return tf.add(tf.mul(y, gamma), beta);
}
