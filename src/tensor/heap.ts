/** Stock kernels of the wasm backend, with loops over its memory where they are faster: one pass, float64 sums. */
import { Compose } from './compose.ts';
import type { BackendWasm, TensorInfo } from './tf.ts';
import { dropView, viewOf } from './wasmViews.ts';

export class Heap extends Compose {
  readonly #wasm: BackendWasm;
  readonly #parts: TensorInfo[] = [];

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

  /** Values of `x` from `offset` on, without a copy. Must not be a result of the op. */
  part(x: TensorInfo, offset: number, shape: readonly number[]): TensorInfo {
    const made = viewOf(this.#wasm, x, offset, shape);
    this.#parts.push(made);
    return made;
  }

  override release(results: readonly TensorInfo[]): void {
    for (const made of this.#parts) dropView(this.#wasm, made);
    super.release(results);
  }
}
