/**
 * Linear layer on a frozen weight: `y = x W + b`, with a tensor added to it where one is given. Differentiable in `x`
 * (`dx = dy W^T`) and in that tensor.
 */

import type { Tensor, TensorInfo } from '../tf.ts';
import { weightProduct } from '../wasm/products.ts';
import { launchLinear, launchLinearGradient, type Matrix } from '../webgpu/linear.ts';
import type { Weight } from '../weights.ts';
import { defineOp, only } from './define.ts';

type LinearAttributes = { readonly weight: Weight };

const runLinear = defineOp<'x' | 'w' | 'bias' | 'residual', LinearAttributes>({
  name: 'StudioLinear',
  webgpu: (backend, { x, w, bias, residual }, { weight }) =>
    launchLinear(backend, x, matrixOf(weight, w), { bias, residual }),
  wasm: (heap, { x, bias, residual }, { weight }) =>
    weightProduct(heap, x, weight, 'forward', { bias, residual }),
  gradient: {
    // The frozen weight is at hand in the attributes; saving it would copy it on wasm.
    save: [],
    run: ([dy], _saved, { weight }) => ({
      x: () => only(runLinearGradient({ dy: dy as Tensor, w: weight.tensor }, { weight })),
      residual: () => (dy as Tensor).clone(),
    }),
  },
});

const runLinearGradient = defineOp<'dy' | 'w', LinearAttributes>({
  name: 'StudioLinearGradient',
  webgpu: (backend, { dy, w }, { weight }) => launchLinearGradient(backend, dy, matrixOf(weight, w)),
  wasm: (heap, { dy }, { weight }) => weightProduct(heap, dy, weight, 'gradient'),
});

/**
 * @param x [..., K]
 * @param w [K, N]
 * @param bias [N] or null
 * @param residual [..., N], added to the result in the same pass, or null
 * @returns [..., N]
 */
export function linear<T extends Tensor>(
  x: T,
  w: Weight,
  bias: Tensor | null,
  residual: Tensor | null = null,
): T {
  const inputs = {
    x,
    w: w.tensor,
    ...(bias === null ? {} : { bias }),
    ...(residual === null ? {} : { residual }),
  };
  return only(runLinear(inputs, { weight: w })) as T;
}

function matrixOf({ shape, packed }: Weight, tensor: TensorInfo): Matrix {
  const [inner, columns] = shape as [number, number];
  return { tensor, packed, inner, columns };
}
