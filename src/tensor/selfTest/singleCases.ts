/** Cases of the kernels that have one form: its numbers are right, or nothing can be computed on this GPU. */
import { geglu, gelu, silu } from '../ops/activations.ts';
import { adamWStep, clipFactor, globalGradNorm } from '../ops/adamW.ts';
import { doraEpilogue, doraWeightNorm } from '../ops/dora.ts';
import { groupMoments } from '../ops/groupMoments.ts';
import { groupNorm } from '../ops/groupNorm.ts';
import { layerNorm } from '../ops/layerNorm.ts';
import { linearCombination } from '../ops/linearCombination.ts';
import { matmulTrain } from '../ops/matmulTrain.ts';
import { noiseDifference } from '../ops/noiseDifference.ts';
import {
  referenceGroupMoments,
  referenceGroupNorm,
  referenceLayerNorm,
  referenceLinear,
} from '../reference/layers.ts';
import {
  referenceAdamW,
  referenceDoraEpilogue,
  referenceDoraWeightNorm,
  referenceGeglu,
  referenceGelu,
  referenceNoiseDifference,
  referenceSilu,
} from '../reference/pointwise.ts';
import { sizeOf, type Tensor, type Tensor1D, type Tensor2D, tf } from '../tf.ts';
import {
  type Check,
  forwardCheck,
  gradientChecks,
  type KernelCase,
  type Reference,
  randoms,
  type Values,
  withWeight,
} from './checks.ts';

export const SINGLE_CASES: readonly KernelCase[] = [
  pointwise('SiLU', [65], silu, referenceSilu),
  pointwise(
    'GELU',
    [65],
    (x) => gelu(x, 'erf'),
    (x) => referenceGelu(x as Float64Array, 'erf'),
  ),
  pointwise(
    'quick GELU',
    [64],
    (x) => gelu(x, 'quick'),
    (x) => referenceGelu(x as Float64Array, 'quick'),
  ),
  pointwise('GEGLU', [5, 14], geglu, (x) => referenceGeglu(x as Float64Array, 7)),
  pointwise(
    'linear combination',
    [12],
    (x) =>
      linearCombination([
        [1.5, x],
        [-2, x],
      ]),
    (x) => Float64Array.from(x, (value) => -0.5 * value),
  ),
  {
    kernel: 'group norm',
    op: null,
    run: () => [...groupNormChecks([2, 3, 5, 12]), ...groupNormChecks([1, 7, 3, 6])],
  },
  { kernel: 'layer norm', op: null, run: () => [...layerNormChecks(5, 12), ...layerNormChecks(3, 7)] },
  { kernel: 'group moments', op: null, run: momentsChecks },
  { kernel: 'noise difference', op: null, run: () => [...noiseChecks(4), ...noiseChecks(3)] },
  { kernel: 'matrix product', op: null, run: matmulChecks },
  { kernel: 'DoRA', op: null, run: doraChecks },
  { kernel: 'AdamW', op: null, run: adamWChecks },
];

function pointwise(
  kernel: string,
  shape: readonly number[],
  op: (x: Tensor) => Tensor,
  reference: Reference,
): KernelCase {
  const run = () => {
    const inputs = [
      {
        values: randoms(5, sizeOf(shape)),
        shape,
      },
    ];
    const apply = (...[x]: Tensor[]) => op(x as Tensor);
    return [forwardCheck(apply, reference, inputs), ...gradientChecks(apply, reference, inputs)];
  };
  return { kernel, op: null, run };
}

function groupNormChecks([n, h, w, c]: readonly [number, number, number, number]): readonly Check[] {
  const [gamma, beta] = [randoms(2, c), randoms(3, c)];
  const options = { groups: 3, eps: 1e-5, silu: true };
  const op = (...[x]: Tensor[]) => groupNorm(x as Tensor, tf.tensor1d(gamma), tf.tensor1d(beta), options);
  const reference: Reference = (x) =>
    referenceGroupNorm(x as Float64Array, gamma, beta, [n, h * w, c], options);
  const inputs = [{ values: randoms(6, n * h * w * c), shape: [n, h, w, c] }];
  return [forwardCheck(op, reference, inputs), ...gradientChecks(op, reference, inputs)];
}

function layerNormChecks(rows: number, width: number): readonly Check[] {
  const [gamma, beta] = [randoms(2, width), randoms(3, width)];
  const op = (...[x]: Tensor[]) => layerNorm(x as Tensor, tf.tensor1d(gamma), tf.tensor1d(beta), 1e-5);
  const reference: Reference = (x) => referenceLayerNorm(x as Float64Array, gamma, beta, [rows, width], 1e-5);
  const inputs = [{ values: randoms(7, rows * width), shape: [rows, width] }];
  return [forwardCheck(op, reference, inputs), ...gradientChecks(op, reference, inputs)];
}

function momentsChecks(): readonly Check[] {
  const values = randoms(1, 2 * 15 * 12);
  const { mean, squares } = groupMoments(tf.tensor4d(values, [2, 3, 5, 12]), 3);
  const expected = referenceGroupMoments(values, [2, 15, 12], 3);
  return [
    { actual: mean, expected: expected.mean },
    { actual: squares, expected: expected.squares },
  ];
}

function noiseChecks(channels: number): readonly Check[] {
  const values = randoms(8, 6 * 5 * 7 * channels);
  const { guided, squaredDifference } = noiseDifference(tf.tensor4d(values, [6, 5, 7, channels]), 7.5);
  const expected = referenceNoiseDifference(values, 3, 7.5);
  return [
    { actual: guided, expected: expected.guided },
    { actual: squaredDifference, expected: expected.squaredDifference },
  ];
}

function matmulChecks(): readonly Check[] {
  const [rows, inner, columns] = [5, 7, 9];
  const [a, b] = [randoms(1, rows * inner), randoms(2, inner * columns)];
  const expected = referenceLinear(a, b, null, [rows, inner, columns]);
  const [left, right] = [tf.tensor2d(a, [rows, inner]), tf.tensor2d(b, [inner, columns])];
  const turn = (x: Tensor2D) => tf.transpose(x) as Tensor2D;
  return [
    { actual: matmulTrain(left, right, 'NN'), expected },
    { actual: matmulTrain(left, turn(right), 'NT'), expected },
    { actual: matmulTrain(turn(left), right, 'TN'), expected },
  ];
}

function doraChecks(): readonly Check[] {
  const [rows, inner, columns, rank, scaling] = [3, 5, 7, 2, 0.75];
  const norm = randoms(4, columns).map((value) => 1.5 + Math.abs(value));
  const bias = randoms(5, columns);
  const inputs = [
    { values: randoms(1, rows * columns), shape: [rows, columns] },
    { values: randoms(2, rows * columns), shape: [rows, columns] },
    { values: randoms(3, columns), shape: [columns] },
  ];
  const op = (...[base, ab, magnitude]: Tensor[]) =>
    doraEpilogue(base as Tensor, ab as Tensor, magnitude as Tensor1D, tf.tensor1d(norm), tf.tensor1d(bias), {
      scaling,
    });
  const reference: Reference = (base, ab, magnitude) =>
    referenceDoraEpilogue(base as Values, ab as Values, magnitude as Values, norm, bias, scaling);
  const [a, b] = [randoms(6, inner * rank), randoms(7, rank * columns)];
  const norms = withWeight([inner, columns], true, (weight, w) => ({
    actual: doraWeightNorm(weight, tf.tensor2d(a, [inner, rank]), tf.tensor2d(b, [rank, columns]), scaling),
    expected: referenceDoraWeightNorm(w, a, b, [inner, columns, rank], scaling),
  }));
  return [norms, forwardCheck(op, reference, inputs), ...gradientChecks(op, reference, inputs)];
}

function adamWChecks(): readonly Check[] {
  const count = 37;
  const [param, gradient, m] = [randoms(1, count), randoms(2, count), randoms(3, count)];
  const v = randoms(4, count).map((value) => value ** 2);
  const options = { step: 3, lr: 1e-2, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01 };
  const tensor = (values: Values) => tf.tensor1d(values);
  const norm = globalGradNorm([tensor(gradient), tensor(m)]);
  const length = Math.hypot(...gradient, ...m);
  const factor = clipFactor(norm, { maxNorm: 1, gradScale: 0.5 });
  const clip = 0.5 * Math.min(1, 1 / (0.5 * length + 1e-6));
  const state = adamWStep([tensor(param)], [tensor(gradient)], [tensor(m)], [tensor(v)], {
    ...options,
    factor,
  });
  const clipped = Float64Array.from(gradient, (value) => value * clip);
  const expected = referenceAdamW(param, clipped, m, v, options);
  return [
    { actual: norm, expected: [length] },
    { actual: factor, expected: [clip] },
    { actual: state.params[0] as Tensor, expected: expected.param },
    { actual: state.m[0] as Tensor, expected: expected.m },
    { actual: state.v[0] as Tensor, expected: expected.v },
  ];
}
