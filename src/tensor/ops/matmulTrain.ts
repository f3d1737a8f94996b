/** 2-D matmul of two trainable operands: `c = a b`, `da = dc b^T`, `db = a^T dc`. Used by the adapters. */
import type { Compose } from '../composed/compose.ts';
import type { Tensor, Tensor2D, TensorInfo } from '../tf.ts';
import { product } from '../wasm/products.ts';
import { launchLinear, launchLinearGradient, type Matrix } from '../webgpu/linear.ts';
import { launchBatchMatMul, type MatmulForm } from '../webgpu/matmul.ts';
import { defineOp, only } from './define.ts';

const runMatmul = defineOp<'a' | 'b', { readonly form: MatmulForm }>({
  name: 'StudioMatmul',
  composed: (compose, { a, b }, { form }) =>
    compose.matMul(form === 'TN' ? transposed(compose, a) : a, form === 'NT' ? transposed(compose, b) : b),
  webgpu: (backend, { a, b }, { form }) => {
    const matrix: Matrix = {
      tensor: b,
      packed: false,
      inner: b.shape[0] as number,
      columns: b.shape[1] as number,
    };
    // A weight would be padded; these matrices are as they are.
    const divisible = matrix.inner % 4 === 0 && matrix.columns % 4 === 0;
    if (form !== 'TN' && divisible) {
      return form === 'NN' ? launchLinear(backend, a, matrix) : launchLinearGradient(backend, a, matrix);
    }
    const c = launchBatchMatMul(backend, batchOfOne(a), batchOfOne(b), form);
    return { ...c, shape: c.shape.slice(1) };
  },
  wasm: (heap, { a, b }, { form }) => product(heap, a, b, form),
  gradient: {
    save: ['a', 'b'],
    run: ([dy], saved, { form }) => {
      const c = dy as Tensor;
      const [a, b] = saved as [Tensor, Tensor];
      const run = (left: Tensor, right: Tensor, kind: MatmulForm) => (): Tensor =>
        only(runMatmul({ a: left, b: right }, { form: kind }));
      if (form === 'NN') return { a: run(c, b, 'NT'), b: run(a, c, 'TN') };
      if (form === 'NT') return { a: run(c, b, 'NN'), b: run(c, a, 'TN') };
      return { a: run(b, c, 'NT'), b: run(a, c, 'NN') };
    },
  },
});

/**
 * @param a [M, K], with form `TN` [K, M]
 * @param b [K, N], with form `NT` [N, K]
 * @returns [M, N]
 */
export function matmulTrain(a: Tensor2D, b: Tensor2D, form: MatmulForm = 'NN'): Tensor2D {
  return only(runMatmul({ a, b }, { form })) as Tensor2D;
}

function transposed(compose: Compose, x: TensorInfo): TensorInfo {
  return compose.transpose(x, [1, 0]);
}

function batchOfOne(x: TensorInfo): TensorInfo {
  return { ...x, shape: [1, ...x.shape] };
}
