/** What cases of the self-test are made of: outputs of kernels beside what float64 loops make of the same inputs. */
import { floatsToHalves, halvesToFloats } from '../../lib/half.ts';
import { normals } from '../../lib/philox.ts';
import { sizeOf, type Tensor, tf } from '../tf.ts';
import type { KernelOp } from '../webgpu/variantState.ts';
import { disposeWeight, makeWeight, type Weight } from '../weights.ts';

/** An output of a kernel and what it should be. */
export type Check = { readonly actual: Tensor; readonly expected: ArrayLike<number> };

export type KernelCase = {
  readonly kernel: string;
  /** Where the kernel has several forms. */
  readonly op: KernelOp | null;
  /** Runs in a scope that frees what it makes. */
  readonly run: () => readonly Check[];
};

export type Values = Float32Array;
export type Reference = (...inputs: ArrayLike<number>[]) => Float64Array;
type Input = { readonly values: Values; readonly shape: readonly number[] };

const DIFFERENCE = 1e-5;

/** Normal numbers, the same for the same seed. */
export function randoms(seed: number, count: number): Values {
  return normals(seed, 0, 0, count);
}

/** What an op gives, beside what it should. */
export function forwardCheck(
  op: (...x: Tensor[]) => Tensor,
  reference: Reference,
  inputs: readonly Input[],
): Check {
  const tensors = inputs.map(({ values, shape }) => tf.tensor(values, [...shape]));
  return { actual: op(...tensors), expected: reference(...inputs.map(({ values }) => values)) };
}

/** The gradient of the sum of the outputs times random numbers, by every input. */
export function gradientChecks(
  op: (...x: Tensor[]) => Tensor,
  reference: Reference,
  inputs: readonly Input[],
): readonly Check[] {
  const wide = inputs.map(({ values }) => Float64Array.from(values));
  const weights = randoms(97, reference(...wide).length);
  const loss = () => reference(...wide).reduce((sum, y, i) => sum + y * (weights[i] as number), 0);
  const tensors = inputs.map(({ values, shape }) => tf.tensor(values, [...shape]));
  const dy = tf.tensor(weights, op(...tensors).shape);
  const actual = tf.grads((...x: Tensor[]) => op(...x))(tensors, dy);
  return actual.map((gradient, i) => {
    const values = wide[i] as Float64Array;
    const expected = values.map((kept, at) => {
      values[at] = kept + DIFFERENCE;
      const above = loss();
      values[at] = kept - DIFFERENCE;
      const below = loss();
      values[at] = kept;
      return (above - below) / (2 * DIFFERENCE);
    });
    return { actual: gradient, expected };
  });
}

/** A weight in halves, with packs of four where sizes allow, or in float32; the values that it really has. */
export function withWeight<T>(
  shape: readonly number[],
  halves: boolean,
  use: (weight: Weight, values: Values) => T,
): T {
  const values = randoms(2, sizeOf(shape));
  const bits = floatsToHalves(values);
  const weight = halves
    ? makeWeight(bits, shape, 'f16', 'self-test')
    : makeWeight(values, shape, 'f32', 'self-test');
  try {
    return use(weight, halves ? halvesToFloats(bits) : values);
  } finally {
    disposeWeight(weight);
  }
}
