/** Launches of linear layers, for frozen weights and for f32 matrices of the adapters. */

import { sizeOf, type TensorInfo, type WebGPUBackend } from '../tf.ts';
import { launchOneProduct } from './products.ts';

/** A matrix [K,N] on the GPU, padded to multiples of 4. */
export type Matrix = {
  readonly tensor: TensorInfo;
  readonly packed: boolean;
  readonly inner: number;
  readonly columns: number;
};

/** Added to a product: `bias` [N] to every row, `residual` of the shape of the product. */
type Addends = {
  readonly bias?: TensorInfo | undefined;
  readonly residual?: TensorInfo | undefined;
};

/** x [..., K] times the matrix. */
export function launchLinear(
  backend: WebGPUBackend,
  x: TensorInfo,
  w: Matrix,
  addends: Addends = {},
): TensorInfo {
  return launchOneProduct(backend, {
    op: 'linear',
    x,
    weight: w,
    ...addends,
    outputShape: [...x.shape.slice(0, -1), w.columns],
    rows: sizeOf(x.shape) / w.inner,
    depth: w.inner,
    width: w.columns,
  });
}

/** dy [..., N] times the transposed matrix: [..., K]. */
export function launchLinearGradient(backend: WebGPUBackend, dy: TensorInfo, w: Matrix): TensorInfo {
  return launchOneProduct(backend, {
    op: 'linear_gradient',
    x: dy,
    weight: w,
    outputShape: [...dy.shape.slice(0, -1), w.inner],
    rows: sizeOf(dy.shape) / w.columns,
    depth: w.columns,
    width: w.inner,
  });
}
