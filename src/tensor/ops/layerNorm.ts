/** Layer normalization over the last axis. gamma and beta are frozen; only `x` is differentiable. */
import { center, type Means, normGradient } from '../composed/norm.ts';
import { sizeOf, type Tensor, type TensorInfo, type WebGPUBackend } from '../tf.ts';
import type { Heap } from '../wasm/heap.ts';
import { computesOnCpu } from '../webgpu/adapter.ts';
import { f32, flatGroups, type Launch, launch, u32 } from '../webgpu/launch.ts';
import { SHADERS } from '../webgpu/shaders.ts';
import { defineOp, only } from './define.ts';

type LayerNormAttributes = { readonly eps: number };

const runLayerNorm = defineOp<'x' | 'gamma' | 'beta', LayerNormAttributes>({
  name: 'StudioLayerNorm',
  composed: (compose, { x, gamma, beta }, { eps }) => {
    const { centered, inverseStd } = center(compose, x, eps, rowMeans);
    return compose.add(compose.mul(compose.mul(centered, inverseStd), gamma), beta);
  },
  webgpu: (backend, { x, gamma, beta }, { eps }) => {
    if ((gamma.shape[0] as number) % 4 !== 0) return null;
    return launch(backend, { ...rowLaunch(backend, 'layer_norm', x, eps), inputs: [x, gamma, beta] });
  },
  wasm: (heap, { x, gamma, beta }, { eps }) => {
    const y = heap.allocate(x.shape);
    return runOnHeap(heap, 'layerNorm', [x, gamma, beta, y], eps) ? y : null;
  },
  gradient: {
    save: ['x', 'gamma'],
    run: ([dy], [x, gamma], attrs) => ({
      x: () =>
        only(runLayerNormGradient({ x: x as Tensor, gamma: gamma as Tensor, dy: dy as Tensor }, attrs)),
    }),
  },
});

const runLayerNormGradient = defineOp<'x' | 'gamma' | 'dy', LayerNormAttributes>({
  name: 'StudioLayerNormGradient',
  composed: (compose, { x, gamma, dy }, { eps }) => {
    const { centered, inverseStd } = center(compose, x, eps, rowMeans);
    const normalized = compose.mul(centered, inverseStd);
    return normGradient(compose, compose.mul(dy, gamma), normalized, inverseStd, rowMeans);
  },
  webgpu: (backend, { x, gamma, dy }, { eps }) => {
    if ((gamma.shape[0] as number) % 4 !== 0) return null;
    const shared = rowLaunch(backend, 'layer_norm_gradient', x, eps);
    return launch(backend, { ...shared, inputs: [x, gamma, dy] });
  },
  wasm: (heap, { x, gamma, dy }, { eps }) => {
    const dx = heap.allocate(x.shape);
    return runOnHeap(heap, 'layerNormGradient', [x, gamma, dy, dx], eps) ? dx : null;
  },
});

/**
 * @param x [..., D]
 * @param gamma [D]
 * @param beta [D]
 * @returns [..., D]
 */
export function layerNorm<T extends Tensor>(x: T, gamma: Tensor, beta: Tensor, eps: number): T {
  return only(runLayerNorm({ x, gamma, beta }, { eps })) as T;
}

/** Runs a kernel on tensors of which the first has the sizes. False when it cannot, with widths not divisible by 4. */
function runOnHeap(
  heap: Heap,
  kernel: 'layerNorm' | 'layerNormGradient',
  tensors: readonly TensorInfo[],
  eps: number,
): boolean {
  const { shape } = tensors[0] as TensorInfo;
  const width = shape.at(-1) as number;
  if (width % 4 !== 0) return false;
  heap.callByRows(kernel, {
    rows: sizeOf(shape) / width,
    unit: 4 * width,
    // gamma and beta have one row, which all others share.
    operands: tensors.map((tensor) => [tensor, tensor.shape.length === 1 ? 0 : width]),
    sizes: (count) => [count, width, eps],
  });
  return true;
}

/** Mean over the last axis, [..., 1]. */
const rowMeans: Means = (compose, x) =>
  compose.mul(compose.sumLast(x), compose.scalar(1 / (x.shape.at(-1) as number)));

/**
 * A launch of either shader over the rows of `x`.
 * @param isShared 16 threads take a row, as a GPU likes it, and not one, as a program that plays a GPU does
 */
export function rowLaunch(
  backend: WebGPUBackend,
  label: 'layer_norm' | 'layer_norm_gradient',
  x: TensorInfo,
  eps: number,
  isShared = !computesOnCpu(backend.device.adapterInfo),
): Omit<Launch, 'inputs'> {
  const width = x.shape.at(-1) as number;
  const rows = sizeOf(x.shape) / width;
  const share = isShared ? 16 : 1;
  return {
    label: `${label}/${share}`,
    pieces: () => [SHADERS[label], isShared ? SHADERS.row_shared : SHADERS.row_alone],
    outputs: [x.shape],
    uniforms: [u32(rows), u32(width / 4), f32(eps)],
    groups: flatGroups(backend, rows * share),
  };
}
