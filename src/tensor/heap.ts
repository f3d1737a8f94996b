/** Stock kernels of the wasm backend, with loops over its memory where they are faster: one pass, float64 sums. */
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

  /** Runs `body` with a heap of its own, whose tensors are freed when it is done. */
  within(body: (inner: Heap) => void): void {
    const inner = new Heap(this.#wasm);
    body(inner);
    inner.release([]);
  }
}
