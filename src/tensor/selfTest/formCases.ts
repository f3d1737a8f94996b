/**
 * Cases of the kernels that have several forms. Sizes are odd where a form takes any size, and divisible by four where it
 * takes packs of four.
 */
import { attention } from '../ops/attention.ts';
import { conv2d } from '../ops/conv2d.ts';
import { normGeglu, normTriple } from '../ops/fusedLinear.ts';
import { linear } from '../ops/linear.ts';
import { referenceAttention } from '../reference/attention.ts';
import {
  referenceConv2d,
  referenceConv2dGradient,
  referenceLayerNorm,
  referenceLinear,
  referenceUpsample,
} from '../reference/layers.ts';
import { referenceGeglu } from '../reference/pointwise.ts';
import { sizeOf, type Tensor, type Tensor3D, type Tensor4D, tf } from '../tf.ts';
import {
  type Check,
  forwardCheck,
  gradientChecks,
  type KernelCase,
  type Reference,
  randoms,
  withWeight,
} from './checks.ts';

export const FORM_CASES: readonly KernelCase[] = [
  ...products('linear', (gradient, halves) =>
    linearCase(gradient, halves ? [37, 72, 36] : [5, 7, 9], halves),
  ),
  ...products('conv2d', (gradient, halves) => [
    ...convCase(gradient, halves ? [5, 8, 12] : [3, 3, 5], halves),
    ...(halves && !gradient ? enlargedConvCheck() : []),
  ]),
  { kernel: 'linear with its neighbors', op: 'linear', run: fusedChecks },
  { kernel: 'large linear', op: 'linear', run: () => linearCase(false, [1030, 12, 516], true) },
  { kernel: 'attention', op: 'attention', run: () => attentionChecks(false) },
  { kernel: 'attention gradient', op: 'attention_gradient', run: () => attentionChecks(true) },
];

function products(
  op: 'linear' | 'conv2d',
  checks: (gradient: boolean, halves: boolean) => readonly Check[],
): KernelCase[] {
  return [
    { kernel: op, op, run: () => [...checks(false, true), ...checks(false, false)] },
    {
      kernel: `${op} gradient`,
      op: `${op}_gradient`,
      run: () => [...checks(true, true), ...checks(true, false)],
    },
  ];
}

function linearCase(
  gradient: boolean,
  sizes: readonly [number, number, number],
  halves: boolean,
): readonly Check[] {
  const [rows, inner, columns] = sizes;
  return withWeight([inner, columns], halves, (weight, w) => {
    const x = randoms(1, rows * inner);
    const bias = randoms(3, columns);
    if (!gradient) {
      const y = linear(tf.tensor3d(x, [1, rows, inner]), weight, tf.tensor1d(bias));
      return [{ actual: y, expected: referenceLinear(x, w, bias, sizes) }];
    }
    const dy = randoms(4, rows * columns);
    const actual = tf.grad((input: Tensor) => linear(input, weight, null))(
      tf.tensor2d(x, [rows, inner]),
      tf.tensor2d(dy, [rows, columns]),
    );
    const transposed = Float64Array.from(
      w,
      (_, i) => w[(i % inner) * columns + Math.floor(i / inner)] as number,
    );
    return [{ actual, expected: referenceLinear(dy, transposed, null, [rows, columns, inner]) }];
  });
}

/** Layer normalization before, a GEGLU after and three layers at once, in one pass where the form has room for it. */
function fusedChecks(): readonly Check[] {
  const [rows, inner, columns] = [9, 12, 8];
  const values = randoms(1, rows * inner);
  const [gamma, beta] = [randoms(5, inner), randoms(6, inner)];
  const norm = { gamma: tf.tensor1d(gamma), beta: tf.tensor1d(beta), eps: 1e-5 };
  const x = tf.tensor3d(values, [1, rows, inner]);
  const normed = referenceLayerNorm(values, gamma, beta, [rows, inner], norm.eps);
  const gated = withWeight([inner, 2 * columns], true, (weight, w) => ({
    actual: normGeglu(x, norm, weight, null),
    expected: referenceGeglu(referenceLinear(normed, w, null, [rows, inner, 2 * columns]), columns),
  }));
  const triple = withWeight([inner, columns], true, (weight, w) => {
    const expected = referenceLinear(normed, w, null, [rows, inner, columns]);
    return normTriple(x, norm, [weight, weight, weight]).map((actual) => ({ actual, expected }));
  });
  return [gated, ...triple];
}

/** What a UNet and a decoder convolve with: 3 x 3, the same with stride 2, and 1 x 1. One pipeline does all three. */
const CONVS = [
  { kernel: 3, stride: 1, pad: 'same', padBefore: 1, padAfter: 1 },
  { kernel: 3, stride: 2, pad: 'bottomRight', padBefore: 0, padAfter: 1 },
  { kernel: 1, stride: 1, pad: 'none', padBefore: 0, padAfter: 0 },
] as const;

function convCase(
  gradient: boolean,
  [side, inputs, outputs]: readonly [number, number, number],
  halves: boolean,
): readonly Check[] {
  const shape: [number, number, number, number] = [1, side, side + 1, inputs];
  const x = randoms(1, sizeOf(shape));
  return CONVS.flatMap(({ kernel, stride, pad, padBefore, padAfter }) =>
    withWeight([kernel, kernel, inputs, outputs], halves, (weight, w) => {
      const sizes = { batch: 1, height: side, width: side + 1, kernel, stride, padBefore, padAfter };
      const g = { ...sizes, inChannels: inputs, outChannels: outputs };
      const input = tf.tensor4d(x, shape);
      if (!gradient) {
        const bias = randoms(3, outputs);
        const actual = conv2d(input, weight, tf.tensor1d(bias), { stride, pad });
        return [{ actual, expected: referenceConv2d(x, w, bias, g) }];
      }
      const y = conv2d(input, weight, null, { stride, pad });
      const dy = randoms(4, y.size);
      const actual = tf.grad((z: Tensor) => conv2d(z as Tensor4D, weight, null, { stride, pad }))(
        input,
        tf.tensor(dy, y.shape),
      );
      return [{ actual, expected: referenceConv2dGradient(dy, w, g) }];
    }),
  );
}

/** The decoder's convolution that enlarges its image on the way, which has a pipeline of its own. */
function enlargedConvCheck(): readonly Check[] {
  const [side, channels] = [3, 8];
  return withWeight([3, 3, channels, channels], true, (weight, w) => {
    const x = randoms(1, side * side * channels);
    const bias = randoms(3, channels);
    const size = 2 * side;
    const actual = conv2d(tf.tensor4d(x, [1, side, side, channels]), weight, tf.tensor1d(bias), {
      upsample: [size, size],
    });
    const enlarged = referenceUpsample(x, [1, side, side, channels], [size, size]);
    const g = { batch: 1, height: size, width: size, kernel: 3, stride: 1, padBefore: 1, padAfter: 1 };
    return [
      {
        actual,
        expected: referenceConv2d(enlarged, w, bias, { ...g, inChannels: channels, outChannels: channels }),
      },
    ];
  });
}

function attentionChecks(gradient: boolean): readonly Check[] {
  return [true, false].flatMap((causal) => {
    const g = { batch: 1, queries: 9, keys: causal ? 9 : 7, width: 16, heads: 2, causal };
    const op = (...qkv: Tensor[]) =>
      attention(...(qkv as [Tensor3D, Tensor3D, Tensor3D]), { heads: 2, causal });
    const reference: Reference = (q, k, v) =>
      referenceAttention(q as Float64Array, k as Float64Array, v as Float64Array, g);
    const inputs = [g.queries, g.keys, g.keys].map((tokens, i) => ({
      values: randoms(10 + i, tokens * g.width),
      shape: [1, tokens, g.width],
    }));
    return gradient ? gradientChecks(op, reference, inputs) : [forwardCheck(op, reference, inputs)];
  });
}
