/**
 * Plain loops over the memory of the wasm backend, for ops that are bound by memory: one pass instead of one per stock
 * kernel, and float64 sums.
 */
import type { BackendWasm, TensorInfo } from './tf.ts';

export class Heap {
  readonly #backend: BackendWasm;

  constructor(backend: BackendWasm) {
    this.#backend = backend;
  }

  /** An f32 tensor with undefined contents. */
  allocate(shape: readonly number[]): TensorInfo {
    return this.#backend.makeOutput([...shape], 'float32');
  }

  /** The memory of a tensor. Allocating may move the heap: take views after the last allocation. */
  values(tensor: TensorInfo): Float32Array {
    return this.#backend.typedArrayFromHeap(tensor) as Float32Array;
  }
}
