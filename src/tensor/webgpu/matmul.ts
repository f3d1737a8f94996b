/** f32 matmul on webgpu: the linear shaders where the sizes are divisible by 4, else one for any size and batch. */
import type { TensorInfo, WebGPUBackend } from '../tf.ts';
import { computesOnCpu } from './adapter.ts';
import { flatGroups, type Launch, launchOne, u32 } from './launch.ts';
import type { Shader } from './shader.ts';
import { SHADERS } from './shaders.ts';

/** Which operand is used transposed: neither, the second, or the first. */
export type MatmulForm = 'NN' | 'NT' | 'TN';

const forms = {
  NN: SHADERS.matmul_nn,
  NT: SHADERS.matmul_nt,
  TN: SHADERS.matmul_tn,
} as const satisfies Record<MatmulForm, Shader>;

/**
 * `a` [G,M,K] (TN: [G,K,M]) times `b` [G,K,N] (NT: [G,N,K]): [G,M,N].
 * @param asked parts of the sum; by default as the sizes and the adapter suggest
 */
export function launchBatchMatMul(
  backend: WebGPUBackend,
  a: TensorInfo,
  b: TensorInfo,
  form: MatmulForm,
  asked?: number,
): TensorInfo {
  const [count, aRows, aColumns] = a.shape as [number, number, number];
  const [, bRows, bColumns] = b.shape as [number, number, number];
  const [rows, inner] = form === 'TN' ? [aColumns, aRows] : [aRows, aColumns];
  const columns = form === 'NT' ? bRows : bColumns;
  const tiles = [Math.ceil(columns / tile), Math.ceil(rows / tile)] as const;
  const parts = asked ?? partsFor(backend, tiles[0] * tiles[1] * count, inner);
  const spread: Launch = {
    label: `matmul/${form}`,
    pieces: () => [SHADERS.matmul, forms[form]],
    outputs: [parts === 1 ? [count, rows, columns] : [count, parts, rows, columns]],
    inputs: [a, b],
    uniforms: [rows, inner, columns, parts, Math.ceil(inner / parts)].map(u32),
    groups: [...tiles, count * parts],
    work: count * rows * inner * columns,
  };
  const product = launchOne(backend, spread);
  if (parts === 1) return product;
  const size = rows * columns;
  const sum = launchOne(backend, {
    label: 'sum_parts',
    pieces: () => [SHADERS.each_pack, SHADERS.sum_parts],
    outputs: [[count, rows, columns]],
    inputs: [product],
    uniforms: [count * size, size, parts].map(u32),
    groups: flatGroups(backend, count * size),
  });
  backend.disposeData(product.dataId);
  return sum;
}

/** Rows and columns of a workgroup. */
const tile = 32;

/** Workgroups that a large GPU needs to be busy, and the shortest sum that is worth a part. */
const enoughTiles = 256;
const shortestPart = 128;

/**
 * In how many parts a sum is taken: gradients of adapters have few rows and columns and a sum over all tokens. A software
 * adapter has nothing to gain.
 */
function partsFor({ device }: WebGPUBackend, tiles: number, inner: number): number {
  if (computesOnCpu(device.adapterInfo)) return 1;
  return Math.max(1, Math.min(Math.floor(inner / shortestPart), Math.floor(enoughTiles / tiles)));
}
