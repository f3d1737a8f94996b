import { expect, it } from 'vitest';
import { groupNorm } from '../../../src/tensor/ops/groupNorm.ts';
import { layerNorm, rowLaunch } from '../../../src/tensor/ops/layerNorm.ts';
import { referenceGroupNorm, referenceLayerNorm } from '../../../src/tensor/reference/layers.ts';
import { type Tensor, tf, type WebGPUBackend } from '../../../src/tensor/tf.ts';
import { launchOne } from '../../../src/tensor/webgpu/launch.ts';
import { expectGradients, onBackends, randoms, relativeError, sizeOf, take } from './harness.ts';

/** Values with a mean well above their spread, where a variance from squares would lose digits. */
const shifted = (seed: number, count: number): Float32Array =>
  randoms(seed, count).map((value) => value + 20);

onBackends('group norm', () => {
  it.each([
    { shape: [2, 8, 8, 64], groups: 32, silu: true },
    { shape: [1, 5, 7, 30], groups: 3, silu: false },
    { shape: [3, 1, 1, 8], groups: 8, silu: false },
    { shape: [2, 9, 3, 12], groups: 1, silu: true },
    { shape: [1, 65, 65, 6], groups: 2, silu: true },
    { shape: [1, 257, 129, 4], groups: 2, silu: false },
  ] as const)('normalizes $shape in $groups groups, SiLU $silu', async ({ shape, groups, silu }) => {
    const [n, h, w, c] = shape;
    const values = shifted(1, sizeOf(shape));
    const [gamma, beta] = [randoms(2, c), randoms(3, c)];
    const options = { groups, eps: 1e-5, silu };
    const [x, g, b] = [tf.tensor(values, [...shape]), tf.tensor1d(gamma), tf.tensor1d(beta)];
    const expected = referenceGroupNorm(values, gamma, beta, [n, h * w, c], options);
    const y = groupNorm(x, g, b, options);
    expect(y.shape).toEqual(shape);
    expect(relativeError(await take(y), expected)).toBeLessThan(1e-5);
    if (h * w < 100) {
      await expectGradients({
        op: (input) => groupNorm(input as Tensor, g, b, options),
        reference: (input) => referenceGroupNorm(input as Float64Array, gamma, beta, [n, h * w, c], options),
        inputs: [{ values: randoms(4, values.length, 2), shape }],
        tolerance: 5e-5,
      });
    }
    tf.dispose([x, g, b]);
  });

  it('gives a sample the same bits whatever the batch', async () => {
    const options = { groups: 4, eps: 1e-6, silu: true };
    const [x, g, b] = [
      tf.tensor(randoms(1, 4 * 7 * 5 * 12), [4, 7, 5, 12]),
      tf.tensor1d(randoms(2, 12)),
      tf.tensor1d(randoms(3, 12)),
    ];
    const one = tf.slice(x, [1], [1]);
    const batch = await take(groupNorm(x, g, b, options));
    expect(await take(groupNorm(one, g, b, options))).toEqual(batch.slice(one.size, 2 * one.size));
    const gradient = tf.grad((input: Tensor) => groupNorm(input, g, b, options));
    const dy = tf.tensor(randoms(5, x.size), x.shape);
    const dyOne = tf.slice(dy, [1], [1]);
    const dxAll = await take(gradient(x, dy));
    expect(await take(gradient(one, dyOne))).toEqual(dxAll.slice(one.size, 2 * one.size));
    tf.dispose([x, g, b, one, dy, dyOne]);
  });
});

onBackends('layer norm', () => {
  it.each([
    [64, 320],
    [65, 12],
    [1, 4],
    [3, 7],
    [5, 1],
  ])('normalizes %i rows of %i', async (rows, width) => {
    const values = shifted(1, rows * width);
    const [gamma, beta] = [randoms(2, width), randoms(3, width)];
    const [x, g, b] = [tf.tensor2d(values, [rows, width]), tf.tensor1d(gamma), tf.tensor1d(beta)];
    const expected = referenceLayerNorm(values, gamma, beta, [rows, width], 1e-5);
    expect(relativeError(await take(layerNorm(x, g, b, 1e-5)), expected)).toBeLessThan(1e-5);
    await expectGradients({
      op: (input) => layerNorm(input as Tensor, g, b, 1e-5),
      reference: (input) => referenceLayerNorm(input as Float64Array, gamma, beta, [rows, width], 1e-5),
      inputs: [{ values: randoms(4, rows * width, 2), shape: [rows, width] }],
      tolerance: 5e-5,
    });
    tf.dispose([x, g, b]);
  });
});

onBackends('layer norm with 16 threads to a row', () => {
  it.each([
    [1, 4],
    [7, 36],
    [65, 132],
  ])('is that of one thread for %i rows of %i, with its gradient', async (rows, width) => {
    const backend = tf.backend() as WebGPUBackend;
    const x = tf.tensor2d(shifted(1, rows * width), [rows, width]);
    const dy = tf.tensor2d(randoms(2, rows * width), [rows, width]);
    const [gamma, beta] = [tf.tensor1d(randoms(3, width)), tf.tensor1d(randoms(4, width))];
    for (const label of ['layer_norm', 'layer_norm_gradient'] as const) {
      const results: Float32Array[] = [];
      for (const isShared of [false, true]) {
        const shared = rowLaunch(backend, label, x, 1e-5, isShared);
        const inputs = label === 'layer_norm' ? [x, gamma, beta] : [x, gamma, dy];
        const y = launchOne(backend, { ...shared, inputs });
        results.push(await take(tf.engine().makeTensorFromTensorInfo(y)));
      }
      const [alone, together] = results as [Float32Array, Float32Array];
      expect(relativeError(together, alone)).toBeLessThan(1e-5);
    }
    tf.dispose([x, dy, gamma, beta]);
  });
}, ['webgpu']);
