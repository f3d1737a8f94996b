import { expect, it } from 'vitest';
import { floatsToHalves, halvesToFloats } from '../../../src/lib/half.ts';
import { adamWStep, clipFactor, globalGradNorm } from '../../../src/tensor/ops/adamW.ts';
import { doraEpilogue, doraWeightNorm } from '../../../src/tensor/ops/dora.ts';
import { matmulTrain } from '../../../src/tensor/ops/matmulTrain.ts';
import { referenceLinear } from '../../../src/tensor/reference/layers.ts';
import {
  referenceAdamW,
  referenceDoraEpilogue,
  referenceDoraWeightNorm,
} from '../../../src/tensor/reference/pointwise.ts';
import { type Tensor, type Tensor1D, type Tensor2D, tf } from '../../../src/tensor/tf.ts';
import { disposeWeight, makeWeight } from '../../../src/tensor/weights.ts';
import { expectGradients, onBackends, randoms, relativeError, take } from './harness.ts';

type Values = ArrayLike<number>;

/** x [rows, columns] to [columns, rows]. */
function transposed(x: Values, rows: number, columns: number): Float64Array {
  return Float64Array.from(x, (_, i) => x[(i % rows) * columns + Math.floor(i / rows)] as number);
}

onBackends('matmulTrain', () => {
  const sizes: [number, number, number][] = [
    [64, 32, 128],
    [3, 7, 5],
    [65, 4, 8],
    [1, 1, 1],
    [8, 130, 4],
  ];
  it.each(sizes)('multiplies %i x %i x %i in every form', async (rows, inner, columns) => {
    const a = randoms(1, rows * inner);
    const b = randoms(2, inner * columns);
    const expected = referenceLinear(a, b, null, [rows, inner, columns]);
    const forms = {
      NN: { a: [rows, inner], b: [inner, columns] },
      NT: { a: [rows, inner], b: [columns, inner] },
      TN: { a: [inner, rows], b: [inner, columns] },
    } as const;
    for (const form of ['NN', 'NT', 'TN'] as const) {
      const shapes = forms[form];
      const left = form === 'TN' ? transposed(a, rows, inner) : a;
      const right = form === 'NT' ? transposed(b, inner, columns) : b;
      const reference = (x: Values, y: Values): Float64Array =>
        referenceLinear(
          form === 'TN' ? transposed(x, inner, rows) : x,
          form === 'NT' ? transposed(y, columns, inner) : y,
          null,
          [rows, inner, columns],
        );
      const inputs = [
        { values: Float32Array.from(left), shape: shapes.a },
        { values: Float32Array.from(right), shape: shapes.b },
      ];
      const [ta, tb] = inputs.map(({ values, shape }) => tf.tensor(values, [...shape])) as [
        Tensor2D,
        Tensor2D,
      ];
      expect(relativeError(await take(matmulTrain(ta, tb, form)), expected)).toBeLessThan(2e-6);
      await expectGradients({
        op: (x, y) => matmulTrain(x as Tensor2D, y as Tensor2D, form),
        reference: (x, y) => reference(x as Float64Array, y as Float64Array),
        inputs,
        tolerance: 1e-5,
      });
      tf.dispose([ta, tb]);
    }
  });
});

onBackends('DoRA', () => {
  it.each([
    [2, 5, 16],
    [1, 3, 7],
    [3, 65, 4],
    [1, 1, 1],
  ])('ends a layer of %i x %i rows of %i', async (batch, tokens, width) => {
    const count = batch * tokens * width;
    const norm = randoms(4, width).map((value) => 1.5 + Math.abs(value));
    const bias = randoms(5, width);
    const scaling = 0.75;
    const inputs = [
      { values: randoms(1, count), shape: [batch, tokens, width] },
      { values: randoms(2, count), shape: [batch, tokens, width] },
      { values: randoms(3, width), shape: [width] },
    ];
    const [weightNorm, b] = [tf.tensor1d(norm), tf.tensor1d(bias)];
    for (const withBias of [true, false]) {
      await expectGradients({
        op: (base, ab, magnitude) =>
          doraEpilogue(base as Tensor, ab as Tensor, magnitude as Tensor1D, weightNorm, withBias ? b : null, {
            scaling,
          }),
        reference: (base, ab, magnitude) =>
          referenceDoraEpilogue(
            base as Float64Array,
            ab as Float64Array,
            magnitude as Float64Array,
            norm,
            withBias ? bias : null,
            scaling,
          ),
        inputs,
        tolerance: 1e-5,
      });
    }
    const tensors = inputs.map(({ values, shape }) => tf.tensor(values, shape));
    const [base, ab, magnitude] = tensors as [Tensor, Tensor, Tensor1D];
    const y = doraEpilogue(base, ab, magnitude, weightNorm, b, { scaling });
    const [x0, x1, x2] = inputs.map(({ values }) => values) as [Float32Array, Float32Array, Float32Array];
    const expected = referenceDoraEpilogue(x0, x1, x2, norm, bias, scaling);
    expect(relativeError(await take(y), expected)).toBeLessThan(1e-6);
    tf.dispose([tensors, weightNorm, b]);
  });

  it.each([
    [64, 128, 32],
    [20, 36, 4],
    [7, 5, 3],
    [1, 4, 1],
    [65, 8, 5],
  ])('norms columns of %i x %i with rank %i', async (inner, columns, rank) => {
    const halves = floatsToHalves(randoms(1, inner * columns));
    const w = halvesToFloats(halves);
    const [a, b] = [randoms(2, inner * rank), randoms(3, rank * columns)];
    const [loraA, loraB] = [tf.tensor2d(a, [inner, rank]), tf.tensor2d(b, [rank, columns])];
    const expected = referenceDoraWeightNorm(w, a, b, [inner, columns, rank], 0.5);
    for (const format of ['f32', 'f16'] as const) {
      const weight = makeWeight(halves, [inner, columns], format, 'w');
      const norm = doraWeightNorm(weight, loraA, loraB, 0.5);
      expect(norm.shape).toEqual([columns]);
      expect(relativeError(await take(norm), expected)).toBeLessThan(2e-6);
      disposeWeight(weight);
    }
    tf.dispose([loraA, loraB]);
  });

  it('is the identity for B = 0 and magnitude = norm', async () => {
    const w = randoms(1, 8 * 12);
    const weight = makeWeight(w, [8, 12], 'f32', 'w');
    const [loraA, loraB] = [tf.tensor2d(randoms(2, 16), [8, 2]), tf.zeros([2, 12]) as Tensor2D];
    const norm = doraWeightNorm(weight, loraA, loraB, 1);
    const base = tf.tensor2d(randoms(3, 36), [3, 12]);
    const ab = tf.zeros([3, 12]) as Tensor2D;
    const y = doraEpilogue(base, ab, norm, norm, null);
    expect(relativeError(await take(y), randoms(3, 36))).toBeLessThan(2e-7);
    tf.dispose([loraA, loraB, norm, base, ab]);
    disposeWeight(weight);
  });
});

onBackends('AdamW', () => {
  const options = { lr: 1e-2, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 1e-2 };

  it.each([[64], [65], [1], [3]])('steps three times as the reference for %i values', async (length) => {
    let expected: ReturnType<typeof referenceAdamW> = {
      param: Float64Array.from(randoms(1, length)),
      m: new Float64Array(length),
      v: new Float64Array(length),
    };
    let state = {
      params: [tf.tensor1d(randoms(1, length)) as Tensor],
      m: [tf.zeros([length])],
      v: [tf.zeros([length])],
    };
    const factor = tf.scalar(0.5);
    for (let step = 1; step <= 3; step++) {
      const gradient = randoms(10 + step, length);
      const grads = [tf.tensor1d(gradient)];
      const next = adamWStep(state.params, grads, state.m, state.v, { ...options, step, factor });
      tf.dispose([state, grads]);
      state = next;
      const halved = Float64Array.from(gradient, (value) => value / 2);
      expected = referenceAdamW(expected.param, halved, expected.m, expected.v, { ...options, step });
    }
    expect(relativeError(await take(state.params[0] as Tensor), expected.param)).toBeLessThan(1e-6);
    expect(relativeError(await take(state.m[0] as Tensor), expected.m)).toBeLessThan(1e-6);
    expect(relativeError(await take(state.v[0] as Tensor), expected.v)).toBeLessThan(1e-6);
    factor.dispose();
  });

  it('clips by the norm over all gradients', async () => {
    const lengths = [5, 64, 1, 1000, 3, 12, 7, 2];
    const values = lengths.map((length, i) => randoms(i, length));
    const grads = values.map((value) => tf.tensor1d(value));
    const norm = globalGradNorm(grads);
    const expected = Math.sqrt(values.flatMap((value) => [...value]).reduce((sum, x) => sum + x * x, 0));
    const clipped = clipFactor(norm, { maxNorm: 1, gradScale: 0.25 });
    const free = clipFactor(norm, { maxNorm: 1e6, gradScale: 0.25 });
    expect((await take(clipped))[0]).toBeCloseTo(1 / expected, 6);
    expect((await take(free))[0]).toBe(0.25);
    expect((await take(norm))[0]).toBeCloseTo(expected, 4);
    tf.dispose(grads);
  });
});
