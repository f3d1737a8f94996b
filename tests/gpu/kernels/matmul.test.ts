import { expect, it } from 'vitest';
import { referenceLinear } from '../../../src/tensor/reference/layers.ts';
import { tf, type WebGPUBackend } from '../../../src/tensor/tf.ts';
import { launchBatchMatMul, type MatmulForm } from '../../../src/tensor/webgpu/matmul.ts';
import { onBackends, randoms, relativeError, take } from './harness.ts';

onBackends('a batched product', () => {
  it.each([
    ['NN', 1],
    ['TN', 4],
    ['NT', 7],
  ] as const)('%s adds a sum of 131 in %i parts, in order', async (form, parts) => {
    const [count, rows, inner, columns] = [2, 5, 131, 35];
    const [a, b] = [randoms(1, count * rows * inner), randoms(2, count * inner * columns)];
    const stored = (values: Float32Array, shape: [number, number, number], turned: boolean) =>
      tf.tidy(() => {
        const x = tf.tensor3d(values, shape);
        return turned ? tf.transpose(x, [0, 2, 1]) : x;
      });
    const operands = [
      stored(a, [count, rows, inner], form === 'TN'),
      stored(b, [count, inner, columns], form === 'NT'),
    ] as const;
    const backend = tf.backend() as WebGPUBackend;
    const product = launchBatchMatMul(backend, ...operands, form satisfies MatmulForm, parts);
    expect(product.shape).toEqual([count, rows, columns]);
    const c = await take(tf.engine().makeTensorFromTensorInfo(product));
    for (let i = 0; i < count; i++) {
      const expected = referenceLinear(
        a.subarray(i * rows * inner, (i + 1) * rows * inner),
        b.subarray(i * inner * columns, (i + 1) * inner * columns),
        null,
        [rows, inner, columns],
      );
      const size = rows * columns;
      expect(relativeError(c.subarray(i * size, (i + 1) * size), expected)).toBeLessThan(2e-6);
    }
    tf.dispose([...operands]);
  });
}, ['webgpu']);
