/** What kernels are timed on: sizes that the networks really have, and values that are not zeros. */
import { floatsToHalves } from '../../lib/half.ts';
import { normals } from '../../lib/philox.ts';
import { sizeOf, type Tensor, tf } from '../tf.ts';
import { makeWeight, type Weight } from '../weights.ts';

/** Images of side x side tokens. */
export type TrialSizes = {
  readonly samples: number;
  readonly side: number;
  readonly channels: number;
  readonly heads: number;
};

/** A guided pair in the shapes model, and one sample in the second level of SD-2.1. */
export const trialSizes: readonly [small: TrialSizes, large: TrialSizes] = [
  { samples: 2, side: 8, channels: 128, heads: 4 },
  { samples: 1, side: 32, channels: 640, heads: 10 },
];

/** Halves of normal numbers; the caller frees it. */
export function someWeight(shape: readonly number[]): Weight {
  const values = repeatTo(new Uint16Array(sizeOf(shape)), floatsToHalves(someValues()));
  return makeWeight(values, shape, 'f16', 'trial');
}

/** Normal numbers; the caller disposes. */
export function someTensor<T extends Tensor>(shape: number[]): T {
  return tf.keep(tf.tensor(repeatTo(new Float32Array(sizeOf(shape)), someValues()), shape)) as T;
}

/** Making as many as a trial needs would take longer than the trial. */
function someValues(): Float32Array {
  return normals(1, 0, 0, 4096);
}

function repeatTo<T extends Float32Array | Uint16Array>(all: T, some: T): T {
  for (let at = 0; at < all.length; at += some.length) all.set(some.subarray(0, all.length - at), at);
  return all;
}
