/**
 * Runs stock tfjs kernels on tensor infos inside a kernel of ours: no tape, no scopes, no `Tensor` objects, so an op
 * costs a third of what it costs through the engine. Every intermediate is freed by `release`.
 *
 * Only forms that are right and fast are offered. On wasm, matrix products are our own (Heap).
 */

import { type KernelBackend, sizeOf, type TensorInfo, tf, type WebGPUBackend } from '../tf.ts';
import { launchBatchMatMul } from '../webgpu/matmul.ts';

type Attributes = Record<string, unknown>;

/** By name, or in order for kernels that take any number of inputs (`Concat`). */
type KernelInputs = Record<string, TensorInfo> | readonly TensorInfo[];

/** Runs stock kernels one after another, and frees what lies between input and result. */
export class Compose {
  readonly backend: KernelBackend;
  readonly #backendName: string;
  readonly #made = new Set<TensorInfo>();

  constructor(backend: KernelBackend) {
    this.backend = backend;
    this.#backendName = tf.getBackend();
  }

  /** Runs one stock kernel with a single output. */
  run(kernelName: string, inputs: KernelInputs, attributes: Attributes = {}): TensorInfo {
    const kernel = tf.getKernel(kernelName, this.#backendName);
    const attrs = attributes as unknown as tf.NamedAttrMap;
    const named = inputs as Record<string, TensorInfo>;
    return this.track(kernel.kernelFunc({ inputs: named, attrs, backend: this.backend }) as TensorInfo);
  }

  /** The same data under another shape. */
  view(x: TensorInfo, shape: readonly number[]): TensorInfo {
    return { dataId: x.dataId, shape: [...shape], dtype: x.dtype };
  }

  /** A constant. */
  constant(values: Float32Array, shape: readonly number[]): TensorInfo {
    const dataId = this.backend.write(values, [...shape], 'float32');
    return this.track({ dataId, shape: [...shape], dtype: 'float32' });
  }

  scalar(value: number): TensorInfo {
    return this.constant(Float32Array.of(value), []);
  }

  filled(value: number, shape: readonly number[]): TensorInfo {
    return this.constant(new Float32Array(sizeOf(shape)).fill(value), shape);
  }

  add(a: TensorInfo, b: TensorInfo): TensorInfo {
    return this.run('Add', { a, b });
  }

  sub(a: TensorInfo, b: TensorInfo): TensorInfo {
    return this.run('Sub', { a, b });
  }

  mul(a: TensorInfo, b: TensorInfo): TensorInfo {
    return this.run('Multiply', { a, b });
  }

  div(a: TensorInfo, b: TensorInfo): TensorInfo {
    return this.run('RealDiv', { a, b });
  }

  /** Elementwise kernel of one input, such as `Sigmoid`, `Exp`, `Square`, `Rsqrt`. */
  unary(kernelName: string, x: TensorInfo): TensorInfo {
    return this.run(kernelName, { x });
  }

  /** `a` [M,K] times `b` [K,N], plus `bias` [N]. */
  matMul(a: TensorInfo, b: TensorInfo, bias?: TensorInfo): TensorInfo {
    const [rows, inner] = a.shape as [number, number];
    const columns = b.shape[1] as number;
    const inputs = { a: this.view(a, [1, rows, inner]), b: this.view(b, [1, inner, columns]) };
    const attributes = { transposeA: false, transposeB: false, activation: 'linear', leakyreluAlpha: 0 };
    const product = this.run('_FusedMatMul', bias === undefined ? inputs : { ...inputs, bias }, attributes);
    return this.view(product, [rows, columns]);
  }

  /** `a` [G,M,K] (TN: [G,K,M]) times `b` [G,K,N]: [G,M,N]. */
  batchMatMul(a: TensorInfo, b: TensorInfo, form: 'NN' | 'TN' = 'NN'): TensorInfo {
    return this.track(launchBatchMatMul(this.backend as WebGPUBackend, a, b, form));
  }

  transpose(x: TensorInfo, permutation: readonly number[]): TensorInfo {
    return this.run('Transpose', { x }, { perm: [...permutation] });
  }

  slice(x: TensorInfo, begin: readonly number[], size: readonly number[]): TensorInfo {
    return this.run('Slice', { x }, { begin: [...begin], size: [...size] });
  }

  /** Sum over the last axis, which stays with size 1. */
  sumLast(x: TensorInfo): TensorInfo {
    const sum = this.run('Sum', { x }, { axis: [x.shape.length - 1], keepDims: false });
    return this.view(sum, [...x.shape.slice(0, -1), 1]);
  }

  /** Takes over the freeing of a new tensor. */
  protected track(made: TensorInfo): TensorInfo {
    this.#made.add(made);
    return made;
  }

  /** Frees an intermediate at once, so that the next one reuses its memory while it is in the cache. */
  free(made: TensorInfo): void {
    if (this.#made.delete(made)) this.backend.disposeData(made.dataId);
  }

  /** Frees what was made, except `results`. */
  release(results: readonly TensorInfo[]): void {
    const kept = new Set(results.map((result) => result.dataId));
    for (const { dataId } of this.#made) {
      // A kernel may return its input's data with one more reference: that reference is the one to keep.
      if (!kept.delete(dataId)) this.backend.disposeData(dataId);
    }
  }
}
