import { StudioError } from '../../lib/errors.ts';
import type { BackendWasm, TensorInfo } from '../tf.ts';
import type { WasmKernels } from './kernels.ts';

/** The memory of the wasm backend and the kernels that work on it. */
export interface WasmMemory {
  readonly kernels: WasmKernels;
  /** An f32 tensor with undefined contents, freed when the work at hand is done, unless it is a result. */
  allocate(shape: readonly number[]): TensorInfo;
  /** The same, not freed then. */
  allocateKept(shape: readonly number[]): TensorInfo;
  /** Where a tensor is, in bytes. It stays there until it is freed. */
  address(tensor: TensorInfo): number;
  /** The values of a tensor. Allocating may move them: take views after the last allocation. */
  values(tensor: TensorInfo): Float32Array;
}

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
