/** Launches of the linear shaders, for frozen weights and for f32 matrices of the adapters. */
import code from '../../shaders/nn/linear.wgsl?raw';
import gradientCode from '../../shaders/nn/linear_gradient.wgsl?raw';
import { launchOne, u32 } from './launch.ts';
import { sizeOf } from './sizes.ts';
import type { TensorInfo, WebGPUBackend } from './tf.ts';
import { tiling } from './tiles.ts';
import { withWeight, withWeightAndBias } from './weightCode.ts';

/** A matrix [K,N] on the GPU. */
export type Matrix = {
  readonly tensor: TensorInfo;
  readonly packed: boolean;
  readonly inner: number;
  readonly columns: number;
};

/** True when the shaders take a matrix of this size. */
export function linearFits({ inner, columns }: Pick<Matrix, 'inner' | 'columns'>): boolean {
  return inner % 4 === 0 && columns % 4 === 0;
}

/** x [..., K] times the matrix, plus `bias` [N]. */
export function launchLinear(
  backend: WebGPUBackend,
  x: TensorInfo,
  w: Matrix,
  bias: TensorInfo | undefined,
): TensorInfo {
  const rows = sizeOf(x.shape) / w.inner;
  const tiles = tiling(backend, rows, w.columns / 4);
  return launchOne(backend, {
    ...withWeightAndBias('linear', code, { weight: w, tiles, bias: bias !== undefined }),
    outputs: [[...x.shape.slice(0, -1), w.columns]],
    inputs: bias === undefined ? [x, w.tensor] : [x, w.tensor, bias],
    uniforms: [u32(rows), u32(w.inner / 4), u32(w.columns / 4)],
    groups: tiles.groups,
  });
}

/** dy [..., N] times the transposed matrix: [..., K]. */
export function launchLinearGradient(backend: WebGPUBackend, dy: TensorInfo, w: Matrix): TensorInfo {
  const rows = sizeOf(dy.shape) / w.columns;
  const tiles = tiling(backend, rows, w.inner / 4);
  return launchOne(backend, {
    ...withWeight('linear_gradient', gradientCode, { weight: w, tiles }),
    outputs: [[...dy.shape.slice(0, -1), w.inner]],
    inputs: [dy, w.tensor],
    uniforms: [u32(rows), u32(w.inner / 4), u32(w.columns / 4)],
    groups: tiles.groups,
  });
}
