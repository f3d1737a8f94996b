/**
 * Plain loops over the memory of the wasm backend, beside its stock kernels. For ops that are bound by memory one loop
 * beats a chain of kernels, each of which reads and writes everything once, and sums are in float64.
 */
import { Compose } from './compose.ts';
import type { BackendWasm, TensorInfo } from './tf.ts';

export class Heap extends Compose {
  readonly #wasm: BackendWasm;

  constructor(backend: BackendWasm) {
    super(backend);
    this.#wasm = backend;
  }

  /** An f32 tensor with undefined contents. */
  allocate(shape: readonly number[]): TensorInfo {
    return this.track(this.#wasm.makeOutput([...shape], 'float32'));
  }

  /** The memory of a tensor. Allocating may move the heap: take views after the last allocation. */
  values(tensor: TensorInfo): Float32Array {
    return this.#wasm.typedArrayFromHeap(tensor) as Float32Array;
  }
}
