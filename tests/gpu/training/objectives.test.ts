// Losses of methods against plain arithmetic, their gradients against finite differences of it.

import { expect, it } from 'vitest';
import { type Scalar, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import {
  denoising,
  hardNegatives,
  negativeAware,
  type Objective,
  preference,
  rewardedInformation,
} from '../../../src/training/objectives.ts';
import { onBackends, randoms, relativeError, take } from '../kernels/harness.ts';

const [SAMPLES, SIZE] = [3, 5];
type Rows = (row: number) => readonly number[];
const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const mse = (a: readonly number[], b: readonly number[]): number =>
  meanOf(a.map((x, i) => (x - (b[i] as number)) ** 2));
const over = (count: number, of: (i: number) => number): number =>
  meanOf(Array.from({ length: count }, (_, i) => of(i)));

/** The loss of rows in plain numbers; what is `frozen` has no gradient. */
type Reference = (p: Rows, frozen: Rows, ref: Rows, truth: Rows, weights: readonly number[]) => number;

const CASES: readonly (readonly [string, Objective, Reference])[] = [
  [
    'weighted errors',
    denoising,
    (p, _, __, truth, w) => over(SAMPLES, (i) => (w[i] as number) * mse(p(i), truth(i))),
  ],
  [
    'hard negatives under their bound',
    hardNegatives(10),
    (p, _, __, truth) =>
      over(SAMPLES, (i) => mse(p(i), truth(i))) -
      over(SAMPLES, (i) => mse(p(SAMPLES + i), truth(SAMPLES + i))),
  ],
  [
    'hard negatives at their bound',
    hardNegatives(0.1),
    (p, frozen, _, truth) =>
      over(SAMPLES, (i) => mse(p(i), truth(i))) - 0.1 * over(SAMPLES, (i) => mse(frozen(i), truth(i))),
  ],
  [
    'preferences',
    preference(3),
    (p, _, ref, truth) =>
      over(SAMPLES, (i) => {
        const gap = (row: number): number => mse(ref(row), truth(row)) - mse(p(row), truth(row));
        return Math.log(1 + Math.exp(-3 * (gap(i) - gap(SAMPLES + i))));
      }),
  ],
  [
    'two directions',
    negativeAware(0.7),
    (p, _, ref, truth, w) =>
      over(SAMPLES, (i) => {
        const along = (sign: number): number[] =>
          ref(i).map((r, k) => r + sign * 0.7 * ((p(i)[k] as number) - r));
        return (w[i] as number) * mse(along(1), truth(i)) + (1 - (w[i] as number)) * mse(along(-1), truth(i));
      }),
  ],
  [
    'information under its bound',
    rewardedInformation(0.3, 100),
    (p, frozen, _, truth) =>
      over(SAMPLES, (i) => mse(p(i), truth(i))) - 0.3 * over(SAMPLES, (i) => mse(p(i), frozen(SAMPLES + i))),
  ],
  [
    'information at its bound',
    rewardedInformation(0.3, 0.01),
    (p, frozen, _, truth) =>
      over(SAMPLES, (i) => mse(p(i), truth(i))) - 0.3 * 0.01 * over(SAMPLES, (i) => mse(frozen(i), truth(i))),
  ],
];

onBackends('an objective', () => {
  it.each(CASES)('of %s is what it says, and so is its gradient', async (_, objective, reference) => {
    const rows = SAMPLES * objective.rows;
    const shape = [rows, 1, 1, SIZE] as [number, number, number, number];
    const values = Float64Array.from(randoms(1, rows * SIZE));
    const [ref, truth] = [[...randoms(2, rows * SIZE)], [...randoms(3, rows * SIZE)]];
    const weights = [0.9, 0.2, 0.6];
    const rowsOf =
      (all: ArrayLike<number>): Rows =>
      (row) =>
        Array.from({ length: SIZE }, (__, k) => all[row * SIZE + k] as number);
    const frozen = rowsOf(Float64Array.from(values));
    const lossAt = (): number => reference(rowsOf(values), frozen, rowsOf(ref), rowsOf(truth), weights);
    const prediction = tf.tensor4d(Float32Array.from(values), shape);
    const fixed = [tf.tensor4d(ref, shape), tf.tensor4d(truth, shape), tf.tensor1d(weights)] as const;
    const { value, grads } = tf.engine().gradients(
      () =>
        objective.loss({
          prediction: prediction as Tensor4D,
          reference: objective.reference ? fixed[0] : null,
          target: fixed[1],
          t: [],
          weights: fixed[2],
        }) as Scalar,
      [prediction],
    );
    expect((await take(value))[0]).toBeCloseTo(lossAt(), 5);
    const expected = Float64Array.from(values, (x, i) => {
      const at = (moved: number): number => {
        values[i] = moved;
        const loss = lossAt();
        values[i] = x;
        return loss;
      };
      return (at(x + 1e-5) - at(x - 1e-5)) / 2e-5;
    });
    expect(relativeError(await take(grads[0] as Tensor4D), expected)).toBeLessThan(1e-4);
    tf.dispose([prediction, ...fixed]);
  });
});
