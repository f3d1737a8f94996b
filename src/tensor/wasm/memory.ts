import { StudioError } from '../../lib/errors.ts';
import type { BackendWasm, TensorInfo } from '../tf.ts';
import type { SharedKernel, WasmKernels } from './kernels.ts';

/** The memory of the wasm backend and the kernels that work on it. */
export interface WasmMemory {
  readonly kernels: WasmKernels;
  /** The side of the largest tiles of convolutions by Winograd's way. */
  readonly largestTile: 2 | 4;
  /** An f32 tensor with undefined contents, freed when the work at hand is done, unless it is a result. */
  allocate(shape: readonly number[]): TensorInfo;
  /** The same, not freed then. */
  allocateKept(shape: readonly number[]): TensorInfo;
  /** Where a tensor is, in bytes. It stays there until it is freed. */
  address(tensor: TensorInfo): number;
  /** The values of a tensor. Allocating may move them: take views after the last allocation. */
  values(tensor: TensorInfo): Float32Array;
  /**
   * Divides rows among the threads there are.
   * @param unit multiply-adds of a row, or what takes as long
   * @param multiple what the first row of a part is a multiple of
   */
  parts(rows: number, unit: number, multiple?: number): readonly (readonly [first: number, count: number])[];
  /**
   * Calls a kernel with each list of arguments, by the threads there are; the calls write to different places.
   * @param scratchBytes of scratch memory of a call, whose address becomes the last argument
   */
  call(kernel: SharedKernel, calls: readonly (readonly number[])[], scratchBytes?: number): void;
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
