/** f32 matmul on webgpu: the linear shaders where the sizes are divisible by 4, else one for any size and batch. */
import type { TensorInfo, WebGPUBackend } from '../tf.ts';
import { launchOne, u32 } from './launch.ts';
import type { Shader } from './shader.ts';
import { SHADERS } from './shaders.ts';

/** Which operand is used transposed: neither, the second, or the first. */
export type MatmulForm = 'NN' | 'NT' | 'TN';

const forms = {
  NN: SHADERS.matmul_nn,
  NT: SHADERS.matmul_nt,
  TN: SHADERS.matmul_tn,
} as const satisfies Record<MatmulForm, Shader>;

/** `a` [G,M,K] (TN: [G,K,M]) times `b` [G,K,N] (NT: [G,N,K]): [G,M,N]. */
export function launchBatchMatMul(
  backend: WebGPUBackend,
  a: TensorInfo,
  b: TensorInfo,
  form: MatmulForm,
): TensorInfo {
  const [count, aRows, aColumns] = a.shape as [number, number, number];
  const [, bRows, bColumns] = b.shape as [number, number, number];
  const [rows, inner] = form === 'TN' ? [aColumns, aRows] : [aRows, aColumns];
  const columns = form === 'NT' ? bRows : bColumns;
  return launchOne(backend, {
    label: `matmul/${form}`,
    pieces: () => [SHADERS.matmul, forms[form]],
    outputs: [[count, rows, columns]],
    inputs: [a, b],
    uniforms: [u32(rows), u32(inner), u32(columns)],
    groups: [Math.ceil(columns / 32), Math.ceil(rows / 32), count],
  });
}
