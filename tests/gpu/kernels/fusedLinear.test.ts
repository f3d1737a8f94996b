// Linear layers with their neighbors in one pass, where the form has room, and one by one where it has not.

import { expect, it } from 'vitest';
import { conv2d } from '../../../src/tensor/ops/conv2d.ts';
import {
  canJoin,
  joinedLinear,
  normGeglu,
  normLinear,
  normTriple,
} from '../../../src/tensor/ops/fusedLinear.ts';
import { joinedGroupNorm } from '../../../src/tensor/ops/groupNorm.ts';
import { linear } from '../../../src/tensor/ops/linear.ts';
import {
  referenceConv2d,
  referenceGroupNorm,
  referenceLayerNorm,
  referenceLinear,
} from '../../../src/tensor/reference/layers.ts';
import { referenceGeglu } from '../../../src/tensor/reference/pointwise.ts';
import { tf } from '../../../src/tensor/tf.ts';
import { countLaunches } from '../../../src/tensor/webgpu/counters.ts';
import { disposeWeight, makeWeight, type Weight } from '../../../src/tensor/weights.ts';
import { onBackends, randoms, relativeError, take } from './harness.ts';

const EPS = 1e-5;
const TOLERANCE = 1e-5;

for (const form of ['registers', 'tiles'] as const) {
  onBackends(
    `linear layers and their neighbors, ${form},`,
    (backend) => {
      const fused = backend === 'webgpu' && form === 'tiles';

      /** Everything on `rows` rows of `depth`, one sample. */
      const setUp = (rows: number, depth: number, widths: readonly number[]) => {
        const values = randoms(1, rows * depth, 2).map((value) => value + 3);
        const [gamma, beta] = [randoms(2, depth), randoms(3, depth)];
        const weights = widths.map((width, i) => {
          const w = randoms(10 + i, depth * width);
          return { w, weight: makeWeight(w, [depth, width], 'f32', `w${i}`) };
        });
        const norm = { gamma: tf.tensor1d(gamma), beta: tf.tensor1d(beta), eps: EPS };
        const x = tf.tensor3d(values, [1, rows, depth]);
        return {
          x,
          norm,
          weights,
          normed: referenceLayerNorm(values, gamma, beta, [rows, depth], EPS),
          dispose() {
            tf.dispose([x, norm.gamma, norm.beta]);
            for (const { weight } of weights) disposeWeight(weight);
          },
        };
      };

      it.each([
        [5, 12, 20],
        [67, 132, 36],
        [3, 7, 9],
      ])('normalize %i rows of %i and multiply to %i', async (rows, depth, width) => {
        const { x, norm, weights, normed, dispose } = setUp(rows, depth, [width]);
        const [{ w, weight }] = weights as [{ w: Float32Array; weight: Weight }];
        const bias = randoms(5, width);
        const b = tf.tensor1d(bias);
        const { result, count } = await countLaunches(() => normLinear(x, norm, weight, b));
        const expected = referenceLinear(normed, w, bias, [rows, depth, width]);
        expect(relativeError(await take(result), expected)).toBeLessThan(TOLERANCE);
        if (fused && depth % 4 === 0) expect(count.dispatches).toBe(1);
        b.dispose();
        dispose();
      });

      it.each([
        [5, 12, 20],
        [3, 324, 36],
      ])('make a GEGLU of %i normalized rows of %i, %i wide', async (rows, depth, width) => {
        const { x, norm, weights, normed, dispose } = setUp(rows, depth, [2 * width]);
        const [{ w, weight }] = weights as [{ w: Float32Array; weight: Weight }];
        const bias = randoms(5, 2 * width);
        const b = tf.tensor1d(bias);
        const { result, count } = await countLaunches(() => normGeglu(x, norm, weight, b));
        const inner = referenceLinear(normed, w, bias, [rows, depth, 2 * width]);
        expect(relativeError(await take(result), referenceGeglu(inner, width))).toBeLessThan(TOLERANCE);
        // Wider rows are normalized in a pass of their own.
        if (fused) expect(count.dispatches).toBe(depth > 320 ? 2 : 1);
        b.dispose();
        dispose();
      });

      it('multiply normalized rows by three weights', async () => {
        const [rows, depth, width] = [9, 20, 28];
        const { x, norm, weights, normed, dispose } = setUp(rows, depth, [width, width, width]);
        const three = weights.map(({ weight }) => weight) as [Weight, Weight, Weight];
        const { result, count } = await countLaunches(() => normTriple(x, norm, three));
        for (const [i, tensor] of result.entries()) {
          const expected = referenceLinear(normed, (weights[i] as { w: Float32Array }).w, null, [
            rows,
            depth,
            width,
          ]);
          expect(relativeError(await take(tensor), expected)).toBeLessThan(TOLERANCE);
        }
        if (fused) expect(count.dispatches).toBe(1);
        dispose();
      });

      it('are differentiable', () => {
        const { x, norm, weights, dispose } = setUp(5, 12, [20]);
        const { weight } = weights[0] as { weight: Weight };
        const dx = tf.grad((rows) => normLinear(rows as tf.Tensor3D, norm, weight, null))(x);
        expect(dx.shape).toEqual(x.shape);
        dx.dispose();
        dispose();
      });

      it('take a bias from those of several layers', async () => {
        const [w, biases] = [randoms(2, 9 * 8 * 12), randoms(3, 40)];
        const weight = makeWeight(w, [3, 3, 8, 12], 'f32', 'w');
        const values = randoms(1, 5 * 3 * 8);
        const [x, all] = [tf.tensor4d(values, [1, 5, 3, 8]), tf.tensor2d(biases, [2, 20])];
        const sizes = { batch: 1, height: 5, width: 3, inChannels: 8, outChannels: 12, kernel: 3 };
        const g = { ...sizes, stride: 1, padBefore: 1, padAfter: 1 };
        const expected = referenceConv2d(values, w, biases.subarray(23, 35), g);
        expect(relativeError(await take(conv2d(x, weight, all, { firstBias: 23 })), expected)).toBeLessThan(
          2e-6,
        );
        tf.dispose([x, all]);
        disposeWeight(weight);
      });
    },
    undefined,
    form,
  );
}

onBackends(
  'rows that two tensors hold',
  () => {
    it('are multiplied and normalized without being joined', async () => {
      const [pixels, first, second, width] = [15, 8, 20, 12];
      const depth = first + second;
      const [a, b] = [randoms(1, 2 * pixels * first), randoms(2, 2 * pixels * second)];
      const parts = [tf.tensor4d(a, [2, 3, 5, first]), tf.tensor4d(b, [2, 3, 5, second])] as const;
      const w = randoms(3, depth * width);
      const weight = makeWeight(w, [depth, width], 'f32', 'w');
      expect(canJoin(weight, [first, second])).toBe(true);
      const rows = new Float32Array(2 * pixels * depth);
      for (let row = 0; row < 2 * pixels; row++) {
        rows.set(a.subarray(row * first, (row + 1) * first), row * depth);
        rows.set(b.subarray(row * second, (row + 1) * second), row * depth + first);
      }
      const expected = referenceLinear(rows, w, null, [2 * pixels, depth, width]);
      expect(relativeError(await take(joinedLinear(parts, weight, null)), expected)).toBeLessThan(TOLERANCE);
      const [gamma, beta] = [randoms(4, depth), randoms(5, depth)];
      const scale = [tf.tensor1d(gamma), tf.tensor1d(beta)] as const;
      // Groups of 7: the second lies in both tensors.
      const options = { groups: 4, eps: EPS, silu: true };
      const normed = referenceGroupNorm(rows, gamma, beta, [2, pixels, depth], options);
      expect(relativeError(await take(joinedGroupNorm(parts, ...scale, options)), normed)).toBeLessThan(
        TOLERANCE,
      );
      tf.dispose([...parts, ...scale]);
      disposeWeight(weight);
    });
  },
  ['webgpu'],
  'tiles',
);

/** Grids so large that tiles are not shared by slices; rows and columns that fill no tile, and a sum of 3 steps. */
for (const [form, rows, width] of [
  ['tiles', 1030, 516],
  ['large_tiles', 2060, 1028],
  ['tiles', 1031, 515],
] as const) {
  onBackends(
    `a large product, ${form},`,
    () => {
      it(`multiplies ${rows} rows to ${width}`, async () => {
        const depth = width % 4 === 0 ? 36 : 35;
        const [values, w, bias] = [randoms(1, rows * depth), randoms(2, depth * width), randoms(3, width)];
        const weight = makeWeight(w, [depth, width], 'f32', 'w');
        const x = tf.tensor3d(values, [1, rows, depth]);
        const b = tf.tensor1d(bias);
        const expected = referenceLinear(values, w, bias, [rows, depth, width]);
        expect(relativeError(await take(linear(x, weight, b)), expected)).toBeLessThan(2e-6);
        tf.dispose([x, b]);
        disposeWeight(weight);
      });
    },
    ['webgpu'],
    form,
  );
}
