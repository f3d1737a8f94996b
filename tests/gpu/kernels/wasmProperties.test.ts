// The wasm kernels on sizes that nobody picked, against plain loops; gradients as transposes of the forward pass.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { floatsToHalves, halvesToFloats } from '../../../src/lib/half.ts';
import { conv2d } from '../../../src/tensor/ops/conv2d.ts';
import { linear } from '../../../src/tensor/ops/linear.ts';
import { referenceConv2d, referenceLinear } from '../../../src/tensor/reference/layers.ts';
import { type Tensor, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import { disposeWeight, makeWeight, type Weight } from '../../../src/tensor/weights.ts';
import { onBackends, randoms, relativeError, sizeOf, take } from './harness.ts';

const RUNS = { numRuns: 60 };
const upTo = (max: number, min = 1) => fc.integer({ min, max });
const seed = fc.integer({ min: 0, max: 1e6 });

type Layer = {
  readonly weight: Weight;
  readonly shape: readonly number[];
  readonly outputShape: readonly number[];
  readonly run: (x: Tensor, bias: Tensor | null, residual: Tensor | null) => Tensor;
  readonly reference: (x: Float32Array, bias: Float32Array | null) => Float64Array;
  readonly seed: number;
};

/** Values with bias and residual, the gradient, and operands that are left as they were. */
async function expectLayer({ weight, shape, outputShape, run, reference, seed: of }: Layer): Promise<void> {
  const columns = outputShape.at(-1) as number;
  const [values, biasValues] = [randoms(of + 1, sizeOf(shape)), randoms(of + 2, columns)];
  const added = randoms(of + 3, sizeOf(outputShape));
  const x = tf.tensor(values, [...shape]);
  const [bias, residual] = [tf.tensor1d(biasValues), tf.tensor(added, [...outputShape])];
  const expected = reference(values, biasValues);
  expect(relativeError(await take(run(x, bias, null)), expected)).toBeLessThan(3e-6);
  const sum = expected.map((y, i) => y + (added[i] as number));
  expect(relativeError(await take(run(x, bias, residual)), sum)).toBeLessThan(3e-6);
  // <dx, u> = <dy, A u> for the linear map A and any direction u.
  const dx = await take(tf.grad((input) => run(input, null, null))(x, residual));
  const u = randoms(of + 4, dx.length);
  const image = reference(u, null);
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
    Array.from(a).reduce((total, value, i) => total + value * (b[i] as number), 0);
  const scale = Math.sqrt(dot(image, image) * dot(added, added)) + 1e-6;
  expect(Math.abs(dot(dx, u) - dot(added, image)) / scale).toBeLessThan(1e-5);
  expect(await take(x)).toEqual(values);
  expect(await take(bias)).toEqual(biasValues);
  expect(await take(residual)).toEqual(added);
  disposeWeight(weight);
}

onBackends('any size', () => {
  it('of a linear layer is right, on halves as on the rounded weight', () =>
    fc.assert(
      fc.asyncProperty(
        ...[upTo(300), upTo(70), upTo(40), seed, fc.boolean()],
        async (rows, inner, columns, of, halves) => {
          const bits = floatsToHalves(randoms(of, inner * columns));
          const w = halvesToFloats(bits);
          const weight = makeWeight(halves ? bits : w, [inner, columns], halves ? 'f16' : 'f32', 'w');
          await expectLayer({
            weight,
            shape: [rows, inner],
            outputShape: [rows, columns],
            run: (x, bias, residual) => linear(x, weight, bias, residual),
            reference: (x, bias) => referenceLinear(x, w, bias, [rows, inner, columns]),
            seed: of,
          });
        },
      ),
      RUNS,
    ));

  it('of a convolution is right, by Winograd as directly', () => {
    const sizes = fc.tuple(upTo(3), upTo(9), upTo(9), upTo(24), upTo(24));
    const ways = fc.constantFrom(
      { kernel: 3, stride: 1, pad: 'same' },
      { kernel: 3, stride: 2, pad: 'same' },
      { kernel: 3, stride: 2, pad: 'bottomRight' },
      { kernel: 3, stride: 1, pad: 'bottomRight' },
      { kernel: 1, stride: 1, pad: 'none' },
    ) as fc.Arbitrary<{ kernel: number; stride: 1 | 2; pad: 'same' | 'bottomRight' | 'none' }>;
    return fc.assert(
      fc.asyncProperty(
        ...[sizes, ways, fc.boolean(), seed],
        async ([batch, height, width, cin, cout], { kernel, stride, pad }, wide, of) => {
          // Half of them with channels that Winograd's way takes.
          const [inChannels, outChannels] = wide ? [16 + 4 * (cin % 3), 16 + 4 * (cout % 3)] : [cin, cout];
          const before = pad === 'same' ? (kernel - 1) / 2 : 0;
          const after = pad === 'bottomRight' ? 1 : before;
          fc.pre(Math.min(height, width) + before + after >= kernel);
          const w = randoms(of, kernel * kernel * inChannels * outChannels);
          const weight = makeWeight(w, [kernel, kernel, inChannels, outChannels], 'f32', 'w');
          const g = { batch, height, width, inChannels, outChannels, kernel, stride };
          const out = (size: number): number => Math.floor((size + before + after - kernel) / stride) + 1;
          await expectLayer({
            weight,
            shape: [batch, height, width, inChannels],
            outputShape: [batch, out(height), out(width), outChannels],
            run: (x, bias, residual) =>
              conv2d(x as Tensor4D, weight, bias, {
                stride,
                pad,
                ...(residual === null ? {} : { residual: residual as Tensor4D }),
              }),
            reference: (x, bias) => referenceConv2d(x, w, bias, { ...g, padBefore: before, padAfter: after }),
            seed: of,
          });
        },
      ),
      RUNS,
    );
  });

  it('gives each row the bits it has alone, and keeps what is not a number in its row', () =>
    fc.assert(
      fc.asyncProperty(...[upTo(530, 2), upTo(40), upTo(20), seed], async (rows, inner, columns, of) => {
        const weight = makeWeight(randoms(of, inner * columns), [inner, columns], 'f32', 'w');
        const values = randoms(of + 1, rows * inner);
        const row = of % rows;
        const [whole, alone] = [
          tf.tensor2d(values, [rows, inner]),
          tf.tensor2d(values.slice(row * inner, (row + 1) * inner), [1, inner]),
        ];
        const y = await take(linear(whole, weight, null));
        const own = y.slice(row * columns, (row + 1) * columns);
        expect(own).toEqual(await take(linear(alone, weight, null)));
        values[row * inner] = Number.NaN;
        const broken = tf.tensor2d(values, [rows, inner]);
        const z = await take(linear(broken, weight, null));
        expect(z.map((value, i) => (Math.floor(i / columns) === row ? 0 : value))).toEqual(
          y.map((value, i) => (Math.floor(i / columns) === row ? 0 : value)),
        );
        expect(z.slice(row * columns, (row + 1) * columns).every(Number.isNaN)).toBe(true);
        tf.dispose([whole, alone, broken]);
        disposeWeight(weight);
      }),
      RUNS,
    ));

  it('holds when the memory grows, with weights that left and came back', async () => {
    const [inner, columns] = [7, 13];
    const x = randoms(1, 3 * inner);
    for (const round of [0, 1, 2]) {
      const w = randoms(10 + round, inner * columns);
      const weight = makeWeight(w, [inner, columns], 'f32', 'w');
      const tx = tf.tensor2d(x, [3, inner]);
      const first = await take(linear(tx, weight, null));
      // 64 MB more than ever before.
      const growth = tf.zeros([(round + 1) * 16 * 2 ** 20]);
      expect(await take(linear(tx, weight, null))).toEqual(first);
      expect(relativeError(first, referenceLinear(x, w, null, [3, inner, columns]))).toBeLessThan(2e-6);
      tf.dispose([tx, growth]);
      disposeWeight(weight);
    }
  });

  it('may be none, and a single one of many terms', async () => {
    const weight = makeWeight(randoms(1, 6 * 5), [6, 5], 'f32', 'w');
    const nothing = tf.zeros([0, 6]);
    expect((await take(linear(nothing, weight, null))).length).toBe(0);
    const terms = 50_001;
    const [x, w] = [randoms(2, terms), randoms(3, terms)];
    const long = makeWeight(w, [terms, 1], 'f32', 'long');
    const tx = tf.tensor2d(x, [1, terms]);
    const expected = referenceLinear(x, w, null, [1, terms, 1]);
    const [sum] = await take(linear(tx, long, null));
    // Of 50,001 terms of size 1, each addition rounded.
    expect(Math.abs((sum as number) - (expected[0] as number))).toBeLessThan(0.02);
    tf.dispose([nothing, tx]);
    for (const made of [weight, long]) disposeWeight(made);
  });
}, ['wasm']);
