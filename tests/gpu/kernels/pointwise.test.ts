import { expect, it } from 'vitest';
import { geglu, gelu, silu } from '../../../src/tensor/ops/activations.ts';
import { linearCombination } from '../../../src/tensor/ops/linearCombination.ts';
import { concatChannels, upsampleNearest } from '../../../src/tensor/ops/shape.ts';
import { referenceUpsample } from '../../../src/tensor/reference/layers.ts';
import {
  erf,
  referenceGeglu,
  referenceGelu,
  referenceSilu,
} from '../../../src/tensor/reference/pointwise.ts';
import { type Tensor, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import { expectGradients, onBackends, randoms, relativeError, sizeOf, take } from './harness.ts';

const lengths = [1, 3, 64, 65, 1000];

/** Absolute, over inputs from -12 to 12. */
async function largestError(actual: Tensor, expected: Float64Array): Promise<number> {
  const values = await take(actual);
  return values.reduce((worst, y, i) => Math.max(worst, Math.abs(y - (expected[i] as number))), 0);
}

it('has erf right in the reference', () => {
  // scipy.special.erf([0.5, 1, 2.5, 3.5, -4]), scipy 1.17.1
  const expected = [
    0.5204998778130465, 0.8427007929497149, 0.999593047982555, 0.9999992569016276, -0.9999999845827421,
  ];
  const actual = [0.5, 1, 2.5, 3.5, -4].map(erf);
  for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, 13);
});

onBackends('activations', () => {
  const ramp = Float32Array.from({ length: 4801 }, (_, i) => (i - 2400) / 200);

  it('computes GELU within 1e-6 and SiLU within 2e-6', async () => {
    const x = tf.tensor1d(ramp);
    expect(await largestError(gelu(x, 'erf'), referenceGelu(ramp, 'erf'))).toBeLessThan(1.2e-6);
    expect(await largestError(gelu(x, 'quick'), referenceGelu(ramp, 'quick'))).toBeLessThan(3e-6);
    expect(await largestError(silu(x), referenceSilu(ramp))).toBeLessThan(3e-6);
    x.dispose();
  });

  it.each(lengths)('differentiates %i values', async (length) => {
    const inputs = [{ values: randoms(1, length, 2), shape: [length] }];
    await expectGradients({
      op: (x) => silu(x as Tensor),
      reference: (x) => referenceSilu(x as Float64Array),
      inputs,
      tolerance: 1e-5,
    });
    for (const kind of ['erf', 'quick'] as const) {
      await expectGradients({
        op: (x) => gelu(x as Tensor, kind),
        reference: (x) => referenceGelu(x as Float64Array, kind),
        inputs,
        tolerance: 1e-5,
      });
    }
  });

  it.each([
    [2, 5, 16],
    [1, 3, 7],
    [3, 1, 1],
    [1, 65, 12],
  ])('gates halves of %i x %i rows of 2 x %i', async (batch, tokens, width) => {
    const values = randoms(1, batch * tokens * 2 * width, 2);
    const x = tf.tensor3d(values, [batch, tokens, 2 * width]);
    const y = geglu(x);
    expect(y.shape).toEqual([batch, tokens, width]);
    expect(relativeError(await take(y), referenceGeglu(values, width))).toBeLessThan(2e-6);
    await expectGradients({
      op: (input) => geglu(input as Tensor),
      reference: (input) => referenceGeglu(input as Float64Array, width),
      inputs: [{ values, shape: [batch, tokens, 2 * width] }],
      tolerance: 1e-5,
    });
    x.dispose();
  });
});

onBackends('linearCombination', () => {
  it.each([
    [1, 5],
    [2, 64],
    [3, 3],
    [6, 65],
    [8, 12],
  ])('adds %i terms of %i values', async (count, length) => {
    const terms = Array.from({ length: count }, (_, i) => ({
      coefficient: 1.5 - i,
      values: randoms(i, length),
    }));
    const reference = (...tensors: ArrayLike<number>[]): Float64Array =>
      Float64Array.from({ length }, (_, at) =>
        terms.reduce((sum, { coefficient }, i) => sum + coefficient * (tensors[i]?.[at] as number), 0),
      );
    await expectGradients({
      op: (...tensors) =>
        linearCombination(tensors.map((x, i) => [terms[i]?.coefficient as number, x] as const)),
      reference,
      inputs: terms.map(({ values }) => ({ values, shape: [length] })),
      tolerance: 1e-6,
    });
    const tensors = terms.map(({ values }) => tf.tensor1d(values));
    const sum = linearCombination(tensors.map((x, i) => [terms[i]?.coefficient as number, x] as const));
    const expected = reference(...terms.map(({ values }) => values));
    expect(relativeError(await take(sum), expected)).toBeLessThan(1e-6);
    tf.dispose(tensors);
  });
});

onBackends('upsampleNearest', () => {
  it.each([
    { shape: [2, 4, 4, 8], size: [8, 8] },
    { shape: [1, 5, 3, 4], size: [9, 6] },
    { shape: [3, 1, 2, 3], size: [3, 7] },
  ] as const)('enlarges $shape to $size', async ({ shape, size }) => {
    const values = randoms(1, sizeOf(shape));
    const x = tf.tensor4d(values, [...shape]);
    const y = upsampleNearest(x, size);
    expect(y.shape).toEqual([shape[0], ...size, shape[3]]);
    expect(await take(y)).toEqual(Float32Array.from(referenceUpsample(values, shape, size)));
    await expectGradients({
      op: (input) => upsampleNearest(input as Tensor4D, size),
      reference: (input) => referenceUpsample(input as Float64Array, shape, size),
      inputs: [{ values, shape }],
      tolerance: 1e-5,
    });
    x.dispose();
  });
});

onBackends('concatChannels', () => {
  it.each([
    { pixels: [2, 3, 5], widths: [4, 8] },
    { pixels: [1, 1, 1], widths: [1, 3, 2] },
    { pixels: [1, 65, 2], widths: [5, 7] },
  ] as const)('joins $widths channels and splits their gradient', async ({ pixels, widths }) => {
    const count = sizeOf(pixels);
    const total = widths.reduce<number>((sum, width) => sum + width, 0);
    const reference = (...parts: ArrayLike<number>[]): Float64Array => {
      const joined = Array.from({ length: count }, (_, pixel) =>
        parts.flatMap((part, i) =>
          Array.from(part).slice(pixel * (widths[i] ?? 0), (pixel + 1) * (widths[i] ?? 0)),
        ),
      );
      return Float64Array.from(joined.flat());
    };
    const inputs = widths.map((width, i) => ({
      values: randoms(i, count * width),
      shape: [...pixels, width] as [number, number, number, number],
    }));
    const parts = inputs.map(({ values, shape }) => tf.tensor4d(values, shape));
    const joined = concatChannels(parts);
    expect(joined.shape).toEqual([...pixels, total]);
    const expected = reference(...inputs.map(({ values }) => values));
    expect(await take(joined)).toEqual(Float32Array.from(expected));
    await expectGradients({
      op: (...xs) => concatChannels(xs as Tensor4D[]),
      reference,
      inputs,
      tolerance: 1e-5,
    });
    tf.dispose(parts);
  });
});
