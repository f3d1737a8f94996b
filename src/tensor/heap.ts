/**
 * What composed forms and kernels of the wasm backend work with: its memory, our kernels (wasm/), and the stock kernels
 * with matrix products replaced by ours.
 */
import { StudioError } from '../lib/errors.ts';
import { Compose } from './compose.ts';
import type { BackendWasm, TensorInfo } from './tf.ts';
import { type WasmKernels, wasmKernels } from './wasmKernels.ts';
import type { WasmMemory } from './wasmMemory.ts';
import { batchProduct, product } from './wasmProducts.ts';

/**
 * wasm addresses memory with 32 bits; when there is no more, tfjs goes on at address 0 and overwrites what is there.
 * @throws StudioError `memory-full`
 */
export function assertAllocated(backend: BackendWasm, { dataId, shape }: TensorInfo): void {
  if (backend.getMemoryOffset(dataId) !== 0) return;
  backend.disposeData(dataId);
  throw new StudioError('memory-full', `WebAssembly has no room for a tensor of [${shape.join(', ')}].`, {
    remedy: 'Choose a GPU, a smaller model, a smaller batch or smaller images.',
  });
}

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
