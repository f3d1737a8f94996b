import { expect, it } from 'vitest';
import { floatsToHalves, halvesToFloats } from '../../../src/lib/half.ts';
import { linear } from '../../../src/tensor/ops/linear.ts';
import { referenceLinear } from '../../../src/tensor/reference/layers.ts';
import { type Tensor, tf } from '../../../src/tensor/tf.ts';
import { disposeWeight, makeWeight } from '../../../src/tensor/weights.ts';
import { expectGradients, onBackends, randoms, relativeError, take } from './harness.ts';

const sizes: [rows: number, inner: number, columns: number][] = [
  [1, 4, 4],
  [3, 64, 36],
  [65, 20, 132],
  [64, 128, 512],
  [5, 7, 9],
  [1, 1, 1],
  [3, 6, 4],
];

onBackends('linear', (backend) => {
  it.each(sizes)('multiplies %i rows of %i by a weight to %i', async (rows, inner, columns) => {
    const x = randoms(1, rows * inner);
    const w = randoms(2, inner * columns);
    const bias = randoms(3, columns);
    const weight = makeWeight(w, [inner, columns], 'f32', 'w');
    const [tx, tb] = [tf.tensor2d(x, [rows, inner]), tf.tensor1d(bias)];
    const y = await take(linear(tx, weight, tb));
    expect(relativeError(y, referenceLinear(x, w, bias, [rows, inner, columns]))).toBeLessThan(2e-6);
    const plain = await take(linear(tx, weight, null));
    expect(relativeError(plain, referenceLinear(x, w, null, [rows, inner, columns]))).toBeLessThan(2e-6);
    tf.dispose([tx, tb]);
    disposeWeight(weight);
  });

  it.each(sizes)(
    'uses halves for %i rows of %i by %i as the rounded weight',
    async (rows, inner, columns) => {
      const x = randoms(1, rows * inner);
      const halves = floatsToHalves(randoms(2, inner * columns, 0.1));
      const rounded = halvesToFloats(halves);
      const tx = tf.tensor2d(x, [rows, inner]);
      for (const data of [halves, randoms(2, inner * columns, 0.1)]) {
        const weight = makeWeight(data, [inner, columns], 'f16', 'w');
        expect(weight.packed).toBe(backend === 'webgpu');
        const y = await take(linear(tx, weight, null));
        expect(relativeError(y, referenceLinear(x, rounded, null, [rows, inner, columns]))).toBeLessThan(
          2e-6,
        );
        disposeWeight(weight);
      }
      tx.dispose();
    },
  );

  it.each(sizes)('has the gradient of its input for %i x %i x %i', async (rows, inner, columns) => {
    const halves = floatsToHalves(randoms(2, inner * columns));
    const w = halvesToFloats(halves);
    for (const format of ['f32', 'f16'] as const) {
      const weight = makeWeight(halves, [inner, columns], format, 'w');
      await expectGradients({
        op: (x) => linear(x as Tensor, weight, null),
        reference: (x) => referenceLinear(x as Float64Array, w, null, [rows, inner, columns]),
        inputs: [{ values: randoms(1, rows * inner), shape: [rows, inner] }],
        tolerance: 1e-5,
      });
      disposeWeight(weight);
    }
  });

  it.each([
    [9, 20, 36],
    [3, 5, 7],
  ])('adds another tensor to %i x %i x %i, with gradients', async (rows, inner, columns) => {
    const w = randoms(2, inner * columns);
    const weight = makeWeight(w, [inner, columns], 'f32', 'w');
    const bias = tf.tensor1d(randoms(3, columns));
    await expectGradients({
      op: (x, residual) => linear(x as Tensor, weight, bias, residual as Tensor),
      reference: (x, residual) =>
        referenceLinear(x as Float64Array, w, randoms(3, columns), [rows, inner, columns]).map(
          (y, i) => y + (residual?.[i] as number),
        ),
      inputs: [
        { values: randoms(1, rows * inner), shape: [rows, inner] },
        { values: randoms(4, rows * columns), shape: [rows, columns] },
      ],
      tolerance: 1e-5,
    });
    const [x, residual] = [tf.tensor2d(randoms(1, rows * inner), [rows, inner]), randoms(4, rows * columns)];
    const added = tf.tensor2d(residual, [rows, columns]);
    const expected = referenceLinear(randoms(1, rows * inner), w, null, [rows, inner, columns]);
    expect(
      relativeError(
        await take(linear(x, weight, null, added)),
        expected.map((y, i) => y + (residual[i] as number)),
      ),
    ).toBeLessThan(2e-6);
    tf.dispose([x, added, bias]);
    disposeWeight(weight);
  });

  it('keeps leading dimensions', async () => {
    const weight = makeWeight(randoms(1, 32), [8, 4], 'f32', 'w');
    const x = tf.tensor4d(randoms(2, 2 * 3 * 5 * 8), [2, 3, 5, 8]);
    const y = linear(x, weight, null);
    expect(y.shape).toEqual([2, 3, 5, 4]);
    tf.dispose([x, y]);
    disposeWeight(weight);
  });

  it('gives a row the same bits whatever the batch', async () => {
    const weight = makeWeight(randoms(1, 320 * 64), [320, 64], 'f32', 'w');
    const bias = tf.tensor1d(randoms(3, 64));
    const x = randoms(2, 4 * 7 * 320);
    const all = tf.tensor3d(x, [4, 7, 320]);
    const one = tf.tensor3d(x.slice(2 * 7 * 320, 3 * 7 * 320), [1, 7, 320]);
    const batch = await take(linear(all, weight, bias));
    const alone = await take(linear(one, weight, bias));
    expect(alone).toEqual(batch.slice(2 * 7 * 64, 3 * 7 * 64));
    const gradient = tf.grad((input: Tensor) => linear(input, weight, null));
    const dy = randoms(5, 4 * 7 * 64);
    const [dyAll, dyOne] = [
      tf.tensor3d(dy, [4, 7, 64]),
      tf.tensor3d(dy.slice(2 * 7 * 64, 3 * 7 * 64), [1, 7, 64]),
    ];
    const dxAll = await take(gradient(all, dyAll));
    expect(await take(gradient(one, dyOne))).toEqual(dxAll.slice(2 * 7 * 320, 3 * 7 * 320));
    tf.dispose([all, one, bias, dyAll, dyOne]);
    disposeWeight(weight);
  });

  it('gives one row alone the same bits as among many', async () => {
    const weight = makeWeight(randoms(1, 256 * 36), [256, 36], 'f32', 'w');
    const x = randoms(2, 9 * 256);
    const [all, one] = [tf.tensor2d(x, [9, 256]), tf.tensor2d(x.slice(5 * 256, 6 * 256), [1, 256])];
    const batch = await take(linear(all, weight, null));
    expect(await take(linear(one, weight, null))).toEqual(batch.slice(5 * 36, 6 * 36));
    tf.dispose([all, one]);
    disposeWeight(weight);
  });

  it('refuses a weight of the wrong size', () => {
    expect(() => makeWeight(new Float32Array(5), [2, 3], 'f32', 'conv_in')).toThrow('conv_in has 5 values');
  });
});
