/**
 * Our own kernels for wasm (sources and conventions: wasm/README.md), a second module over the memory of tfjs' one.
 * Arguments are addresses in bytes and sizes.
 */
import separateUrl from '../../../wasm/kernels.wasm?url';
import fusedUrl from '../../../wasm/kernelsFused.wasm?url';
import type { BackendWasm } from '../tf.ts';
import { shareMemory } from './sharedMemory.ts';
import { WasmThreads } from './threads.ts';

/** The two binaries of the same sources (forms.ts). */
const urls = { separate: separateUrl, fused: fusedUrl } as const;

/** What changes last bits; forms.ts says how, and which is used. */
export type WasmForms = {
  readonly products: 'separate' | 'fused';
  readonly convolutions: 'winograd-2x2' | 'winograd-4x4';
};

type Kernel<Result = void> = (...addressesAndSizes: number[]) => Result;

/** Kernels that may be done in pieces. */
export type SharedKernel =
  | 'attend'
  | 'attendGradient'
  | 'convolution'
  | 'doraEpilogue'
  | 'doraMagnitudeGradient'
  | 'doraScale'
  | 'doraWeightNorm'
  | 'geglu'
  | 'gegluGradient'
  | 'groupNorm'
  | 'groupNormGradient'
  | 'layerNorm'
  | 'layerNormGradient'
  | 'matrixProduct'
  | 'silu'
  | 'siluGradient'
  | 'winograd';

export type WasmKernels = Readonly<
  Record<'pack' | 'packTransposed' | 'transpose' | 'winogradWeights' | 'winograd4Weights', Kernel>
> & {
  /** 1 when two blocks of a multiple of 16 bytes hold the same bits. */
  readonly sameBits: Kernel<number>;
  /** Bytes of scratch memory for so many queries and keys, and the width of a head. */
  readonly attentionScratch: Kernel<number>;
  /** Bytes of scratch memory for so many channels. */
  readonly groupNormScratch: Kernel<number>;
  /** Bytes of scratch memory for so many rows and taps. */
  readonly productScratch: Kernel<number>;
  /** Bytes of scratch memory for the side of a tile, so many tiles and channels in and out. */
  readonly winogradScratch: Kernel<number>;
};

/** Part of the wasm module that its types leave out. */
type Module = { readonly asm: { readonly memory: WebAssembly.Memory } };

export type LoadedKernels = {
  readonly kernels: WasmKernels;
  readonly threads: WasmThreads;
  /** The side of the largest tiles of convolutions by Winograd's way. */
  readonly largestTile: 2 | 4;
};

const loaded = new WeakMap<BackendWasm, LoadedKernels>();

/**
 * Has to be done once before a backend runs any of our ops; from then on they run in these forms.
 * @throws Error when the binary cannot be had, or the browser does not have its instructions
 */
export async function loadWasmKernels(
  backend: BackendWasm,
  { products, convolutions }: WasmForms,
  threadCount: number,
): Promise<void> {
  const url = urls[products];
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: status ${response.status}`);
  const { memory } = (backend.wasm as unknown as Module).asm;
  const binary = new Uint8Array(await response.arrayBuffer());
  const isShared = !(memory.buffer instanceof ArrayBuffer);
  const module = await WebAssembly.compile(isShared ? shareMemory(binary) : binary);
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  loaded.get(backend)?.threads.close();
  const threads = new WasmThreads(module, memory, exports, threadCount);
  const largestTile = convolutions === 'winograd-4x4' ? 4 : 2;
  loaded.set(backend, { kernels: exports as unknown as WasmKernels, threads, largestTile });
}

export function wasmKernels(backend: BackendWasm): LoadedKernels {
  const kernels = loaded.get(backend);
  if (kernels === undefined) throw new Error('The wasm kernels have not been loaded.');
  return kernels;
}
