/** Linear layer on a frozen weight: `y = x W + b`. Only `x` is differentiable: `dx = dy W^T`. */
import { launchLinear, launchLinearGradient, linearFits, type Matrix } from '../linearKernels.ts';
import { sizeOf } from '../sizes.ts';
import { type Tensor, type TensorInfo, tf } from '../tf.ts';
import { weightProduct } from '../wasmProducts.ts';
import type { Weight } from '../weights.ts';
import { defineOp, only } from './define.ts';

type LinearAttributes = { readonly weight: Weight };

const runLinear = defineOp<'x' | 'w' | 'bias', LinearAttributes>({
  name: 'StudioLinear',
  composed: (compose, { x, w, bias }, { weight }) => {
    const [inner, columns] = weight.shape as [number, number];
    const rows = sizeOf(x.shape) / inner;
    const y = compose.matMul(compose.view(x, [rows, inner]), w, bias);
    return compose.view(y, [...x.shape.slice(0, -1), columns]);
  },
  webgpu: (backend, { x, w, bias }, { weight }) => {
    const matrix = matrixOf(weight, w);
    return linearFits(matrix) ? launchLinear(backend, x, matrix, bias) : null;
  },
  wasm: (heap, { x, bias }, { weight }) => weightProduct(heap, x, weight, 'forward', bias),
  gradient: {
    // The frozen weight is at hand in the attributes; saving it would copy it on wasm.
    save: [],
    run: ([dy], _saved, { weight }) => ({
      x: () => only(runLinearGradient({ dy: dy as Tensor, w: weight.tensor }, { weight })),
    }),
  },
});

const runLinearGradient = defineOp<'dy' | 'w', LinearAttributes>({
  name: 'StudioLinearGradient',
  composed: (compose, { dy }, { weight }) => {
    const [inner, columns] = weight.shape as [number, number];
    const rows = sizeOf(dy.shape) / columns;
    const dx = compose.matMul(compose.view(dy, [rows, columns]), transposedWeight(weight));
    return compose.view(dx, [...dy.shape.slice(0, -1), inner]);
  },
  webgpu: (backend, { dy, w }, { weight }) => {
    const matrix = matrixOf(weight, w);
    return linearFits(matrix) ? launchLinearGradient(backend, dy, matrix) : null;
  },
  wasm: (heap, { dy }, { weight }) => weightProduct(heap, dy, weight, 'gradient'),
});

/**
 * @param x [..., K]
 * @param w [K, N]
 * @param bias [N] or null
 * @returns [..., N]
 */
export function linear<T extends Tensor>(x: T, w: Weight, bias: Tensor | null): T {
  const inputs = { x, w: w.tensor };
  return only(runLinear(bias === null ? inputs : { ...inputs, bias }, { weight: w })) as T;
}

/** `W^T` [N, K], made once per weight. */
function transposedWeight(weight: Weight): Tensor {
  weight.forGradient ??= tf.keep(tf.transpose(weight.tensor));
  return weight.forGradient;
}

function matrixOf({ shape, packed }: Weight, tensor: TensorInfo): Matrix {
  const [inner, columns] = shape as [number, number];
  return { tensor, packed, inner, columns };
}
