/**
 * What composed forms and kernels of the wasm backend work with: its memory, our kernels (wasm/), and the stock kernels
 * with matrix products replaced by ours.
 */
import { Compose } from '../composed/compose.ts';
import type { BackendWasm, TensorInfo } from '../tf.ts';
import { formsNow } from './forms.ts';
import { type Products, type SharedKernel, type WasmKernels, wasmKernels } from './kernels.ts';
import { assertAllocated, type WasmMemory } from './memory.ts';
import { batchProduct, product } from './products.ts';
import { jobName } from './threadProtocol.ts';
import type { WasmThreads } from './threads.ts';

/** What a kernel does to rows of tensors. */
type RowWork = {
  readonly rows: number;
  /** Multiply-adds of a row, or what takes as long. */
  readonly unit: number;
  /** Tensors in the order of the arguments, and how many values of each are a row's: none of what all rows share. */
  readonly operands: readonly (readonly [TensorInfo, number])[];
  /** The arguments after their addresses, for so many rows. */
  readonly sizes: (count: number) => readonly number[];
  readonly scratchBytes?: number;
};

/** tfjs' wasm memory, and our kernels to work on it. */
export class Heap extends Compose implements WasmMemory {
  readonly kernels: WasmKernels;
  readonly largestTile: 2 | 4;
  readonly #products: Products;
  readonly #threads: WasmThreads;
  readonly #wasm: BackendWasm;

  constructor(backend: BackendWasm) {
    super(backend);
    this.#wasm = backend;
    const { products, convolutions } = formsNow();
    const { kernels, threads } = wasmKernels(backend, products);
    this.largestTile = convolutions === 'winograd-4x4' ? 4 : 2;
    this.#products = products;
    this.kernels = kernels;
    this.#threads = threads;
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

  parts(rows: number, unit: number, multiple?: number): readonly (readonly [first: number, count: number])[] {
    return this.#threads.parts(rows, unit, multiple);
  }

  call(kernel: SharedKernel, calls: readonly (readonly number[])[], scratchBytes = 0): void {
    const job = jobName(this.#products, kernel);
    if (scratchBytes === 0) {
      this.#threads.run(job, calls);
      return;
    }
    const bytes = Math.ceil(scratchBytes / 16) * 16;
    const threads = calls.length === 1 ? 1 : this.#threads.count;
    const scratch = this.address(this.allocate([(threads * bytes) / 4]));
    this.#threads.run(
      job,
      calls.map((numbers) => [...numbers, scratch]),
      bytes,
    );
  }

  /** `call` on tensors that go row by row. */
  callByRows(kernel: SharedKernel, { rows, unit, operands, sizes, scratchBytes = 0 }: RowWork): void {
    const addresses = operands.map(([tensor, width]) => [this.address(tensor), 4 * width] as const);
    const calls = this.parts(rows, unit).map(([first, count]) => [
      ...addresses.map(([address, pitch]) => address + first * pitch),
      ...sizes(count),
    ]);
    this.call(kernel, calls, scratchBytes);
  }

  override matMul(a: TensorInfo, b: TensorInfo, bias?: TensorInfo): TensorInfo {
    return product(this, a, b, 'NN', bias);
  }

  override batchMatMul(a: TensorInfo, b: TensorInfo, form: 'NN' | 'TN' = 'NN'): TensorInfo {
    return batchProduct(this, a, b, form);
  }
}
