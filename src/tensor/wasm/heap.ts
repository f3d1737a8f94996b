/**
 * What composed forms and kernels of the wasm backend work with: its memory, our kernels (wasm/), and the stock kernels
 * with matrix products replaced by ours.
 */
import { Compose } from '../composed/compose.ts';
import type { BackendWasm, TensorInfo } from '../tf.ts';
import { type WasmKernels, wasmKernels } from './kernels.ts';
import { assertAllocated, type WasmMemory } from './memory.ts';
import { batchProduct, product } from './products.ts';

export class Heap extends Compose implements WasmMemory {
  readonly kernels: WasmKernels;
  readonly #wasm: BackendWasm;

  constructor(backend: BackendWasm) {
    super(backend);
    this.#wasm = backend;
    this.kernels = wasmKernels(backend);
  }

  allocate(shape: readonly number[]): TensorInfo {
    return this.track(this.allocateKept(shape));
  }

  allocateKept(shape: readonly number[]): TensorInfo {
    const made = this.#wasm.makeOutput([...shape], 'float32');
    assertAllocated(this.#wasm, made);
    return made;
  }

  address(tensor: TensorInfo): number {
    return this.#wasm.getMemoryOffset(tensor.dataId);
  }

  values(tensor: TensorInfo): Float32Array {
    return this.#wasm.typedArrayFromHeap(tensor) as Float32Array;
  }

  override matMul(a: TensorInfo, b: TensorInfo, bias?: TensorInfo): TensorInfo {
    return product(this, a, b, 'NN', bias);
  }

  override batchMatMul(a: TensorInfo, b: TensorInfo, form: 'NN' | 'TN' = 'NN'): TensorInfo {
    return batchProduct(this, a, b, form);
  }
}
