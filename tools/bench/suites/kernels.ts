// Our layers against the stock tfjs ops they replace, at sizes of small diffusion models. On wasm ours are other
// compositions of stock kernels; on webgpu they are our WGSL.

import { geglu } from '../../../src/tensor/ops/activations.ts';
import { adamWStep, clipFactor, globalGradNorm } from '../../../src/tensor/ops/adamW.ts';
import { attention } from '../../../src/tensor/ops/attention.ts';
import { conv2d } from '../../../src/tensor/ops/conv2d.ts';
import { doraEpilogue, doraWeightNorm } from '../../../src/tensor/ops/dora.ts';
import { groupNorm } from '../../../src/tensor/ops/groupNorm.ts';
import { layerNorm } from '../../../src/tensor/ops/layerNorm.ts';
import { linear } from '../../../src/tensor/ops/linear.ts';
import {
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tf,
} from '../../../src/tensor/tf.ts';
import { disposeWeight, makeWeight } from '../../../src/tensor/weights.ts';
import type { Bench } from '../bench.ts';
import { pipelined } from '../pipelined.ts';

const options = { repeats: 5, warmUps: 1 };

export async function run(bench: Bench): Promise<void> {
  await benchLinear(bench);
  await benchConv(bench);
  for (const tokens of [64, 256, 1024]) await benchAttention(bench, tokens);
  await benchNorms(bench);
  await benchGeglu(bench);
  await benchAdapters(bench);
}

/** Gradients, compared with those of the stock ops. */
function backward(op: (x: Tensor) => Tensor, x: Tensor): () => Promise<number> {
  return done(() => tf.grad(op)(x));
}

/** What a training step does beside the network: DoRA of one layer of SD-2.1's first level, and its optimizer. */
async function benchAdapters(bench: Bench): Promise<void> {
  const [rows, width, rank] = [256, 320, 32];
  const [x, ab] = [filled([rows, width]), filled([rows, width])];
  const weight = makeWeight(new Float32Array(width * width).fill(0.01), [width, width], 'f16', 'w');
  const loraA = filled([width, rank]) as Tensor2D;
  const loraB = filled([rank, width]) as Tensor2D;
  const [magnitude, norm] = [tf.ones([width]), tf.ones([width])] as [Tensor1D, Tensor1D];
  await bench.compareTimes(
    `DoRA: norms of ${width} columns, rank ${rank}`,
    { '': done(() => doraWeightNorm(weight, loraA, loraB, 1)) },
    options,
  );
  const end = (base: Tensor): Tensor => doraEpilogue(base, ab, magnitude, norm, null);
  await bench.compareTimes(
    `DoRA: end of a layer, ${rows} rows of ${width}`,
    { '': done(() => end(x)) },
    options,
  );
  await bench.compareTimes('DoRA: its gradient', { '': backward(end, x) }, options);
  const adam = { step: 1, lr: 1e-4, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 };
  await bench.compareTimes(
    `${rows * width} parameters`,
    {
      'norm of the gradient': done(() => globalGradNorm([x])),
      'AdamW step': done(() => {
        const factor = clipFactor(globalGradNorm([ab]), { maxNorm: 1, gradScale: 1 });
        return adamWStep([x], [ab], [tf.zerosLike(x)], [tf.zerosLike(x)], { ...adam, factor })
          .params[0] as Tensor;
      }),
    },
    options,
  );
  tf.dispose([x, ab, loraA, loraB, magnitude, norm]);
  disposeWeight(weight);
}

async function benchLinear(bench: Bench): Promise<void> {
  const [rows, inner, columns] = [512, 128, 128];
  const x = filled([rows, inner]) as Tensor2D;
  const w = filled([inner, columns]) as Tensor2D;
  const weight = makeWeight((await w.data()) as Float32Array, [inner, columns], 'f32', 'w');
  const half = makeWeight((await w.data()) as Float32Array, [inner, columns], 'f16', 'w');
  await bench.compareTimes(
    `linear ${rows} x ${inner} x ${columns}`,
    {
      'stock tfjs': done(() => tf.matMul(x, w)),
      ours: done(() => linear(x, weight, null)),
      'ours, halves': done(() => linear(x, half, null)),
    },
    options,
  );
  tf.dispose([x, w]);
  disposeWeight(weight);
  disposeWeight(half);
}

async function benchConv(bench: Bench): Promise<void> {
  const x = filled([2, 8, 8, 128]) as Tensor4D;
  const w = filled([3, 3, 128, 128]) as Tensor4D;
  const weight = makeWeight((await w.data()) as Float32Array, w.shape, 'f32', 'w');
  await bench.compareTimes(
    'conv2d 2 x 8x8, 128 to 128 channels',
    {
      'stock tfjs': done(() => tf.conv2d(x, w, 1, 'same')),
      ours: done(() => conv2d(x, weight, null)),
    },
    options,
  );
  tf.dispose([x, w]);
  disposeWeight(weight);
}

async function benchAttention(bench: Bench, tokens: number): Promise<void> {
  const [batch, heads, width] = [1, 4, 128];
  const x = filled([batch, tokens, width]) as Tensor3D;
  await bench.compareTimes(
    `attention, ${tokens} tokens, ${heads} heads of ${width / heads}`,
    {
      'stock tfjs': done(() => stockAttention(x, heads)),
      ours: done(() => attention(x, x, x, { heads, causal: false })),
    },
    options,
  );
  x.dispose();
}

async function benchNorms(bench: Bench): Promise<void> {
  const [x, gamma, beta] = [filled([8, 8, 8, 128]), tf.ones([128]), tf.zeros([128])];
  await bench.compareTimes(
    'group norm + SiLU, 8 x 8x8x128',
    {
      'stock tfjs': done(() => stockGroupNorm(x as Tensor4D, 32)),
      ours: done(() => groupNorm(x, gamma, beta, { groups: 32, eps: 1e-5, silu: true })),
    },
    options,
  );
  await bench.compareTimes(
    'layer norm, 512 rows of 128',
    { '': done(() => layerNorm(x, gamma, beta, 1e-5)) },
    options,
  );
  tf.dispose([x, gamma, beta]);
}

async function benchGeglu(bench: Bench): Promise<void> {
  const x = filled([8, 64, 1024]);
  await bench.compareTimes(
    'GEGLU, 512 rows of 2 x 512',
    { 'stock tfjs': done(() => stockGeglu(x)), ours: done(() => geglu(x)) },
    options,
  );
  x.dispose();
}

/** Milliseconds of one computation among many. */
function done(compute: () => Tensor): () => Promise<number> {
  return pipelined(() => tf.tidy(compute).dispose());
}

function filled(shape: number[]): Tensor {
  return tf.tidy(() => {
    const size = shape.reduce((product, length) => product * length, 1);
    return tf.reshape(tf.sin(tf.range(0, size, 1, 'float32')), shape);
  });
}

function stockAttention(x: Tensor3D, heads: number): Tensor {
  const [batch, tokens, width] = x.shape;
  const split = tf.transpose(tf.reshape(x, [batch, tokens, heads, width / heads]), [0, 2, 1, 3]);
  const scores = tf.mul(tf.matMul(split, split, false, true), Math.sqrt(heads / width));
  return tf.reshape(tf.transpose(tf.matMul(tf.softmax(scores), split), [0, 2, 1, 3]), x.shape);
}

function stockGroupNorm(x: Tensor4D, groups: number): Tensor {
  const [batch, height, width, channels] = x.shape;
  const grouped = tf.reshape(x, [batch, height * width, groups, channels / groups]);
  const { mean, variance } = tf.moments(grouped, [1, 3], true);
  const y = tf.reshape(tf.mul(tf.sub(grouped, mean), tf.rsqrt(tf.add(variance, 1e-5))), x.shape);
  return tf.mul(y, tf.sigmoid(y));
}

function stockGeglu(x: Tensor): Tensor {
  const [value, gate] = tf.split(x, 2, -1) as [Tensor, Tensor];
  return tf.mul(value, tf.mul(tf.mul(gate, 0.5), tf.add(tf.erf(tf.mul(gate, Math.SQRT1_2)), 1)));
}
