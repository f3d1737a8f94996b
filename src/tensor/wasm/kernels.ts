/**
 * Our own kernels for wasm (sources and conventions: wasm/README.md), a second module over the memory of tfjs' one.
 * Arguments are addresses in bytes and sizes.
 */
import separateUrl from '../../../wasm/kernels.wasm?url';
import fusedUrl from '../../../wasm/kernelsFused.wasm?url';
import { type BackendWasm, tf } from '../tf.ts';
import { shareMemory } from './sharedMemory.ts';
import { kernelsByName } from './threadProtocol.ts';
import { WasmThreads } from './threads.ts';

/** The two binaries of the same sources (forms.ts). */
const urls = { separate: separateUrl, fused: fusedUrl } as const;

export type Products = keyof typeof urls;

/** What changes last bits; forms.ts says how, and which is used. */
export type WasmForms = {
  readonly products: Products;
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

/** A binary that is instantiated. */
type Instance = { readonly kernels: WasmKernels; readonly module: WebAssembly.Module };

type Loaded = {
  readonly instances: Partial<Readonly<Record<Products, Instance>>>;
  readonly threads: WasmThreads;
};

const loaded = new WeakMap<BackendWasm, Loaded>();

/**
 * Has to be done once before a backend runs any of our ops.
 *
 * @param forms of products that will be used, whose instructions this browser has
 * @param threadCount how many threads are wanted; they need shared memory
 * @throws Error when a binary cannot be had
 */
export async function loadWasmKernels(
  backend: BackendWasm,
  forms: readonly Products[],
  threadCount: number,
): Promise<void> {
  const { memory } = (backend.wasm as unknown as Module).asm;
  const entries = await Promise.all(
    forms.map(async (form) => [form, await instantiate(urls[form], memory)] as const),
  );
  loaded.get(backend)?.threads.close();
  const instances = Object.fromEntries(entries) as Loaded['instances'];
  const exports = entries.map(([form, { kernels }]) => [form, kernels] as const);
  const modules = Object.fromEntries(entries.map(([form, { module }]) => [form, module]));
  const threads = new WasmThreads(modules, memory, kernelsByName(exports), threadCount);
  loaded.set(backend, { instances, threads });
}

async function instantiate(url: string, memory: WebAssembly.Memory): Promise<Instance> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: status ${response.status}`);
  const binary = new Uint8Array(await response.arrayBuffer());
  const isShared = !(memory.buffer instanceof ArrayBuffer);
  const module = await WebAssembly.compile(isShared ? shareMemory(binary) : binary);
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  return { kernels: exports as unknown as WasmKernels, module };
}

/** The kernels of a form, and the threads that run those of any. */
export function wasmKernels(
  backend: BackendWasm,
  form: Products,
): { readonly kernels: WasmKernels; readonly threads: WasmThreads } {
  const found = loaded.get(backend);
  const instance = found?.instances[form];
  if (found === undefined || instance === undefined) {
    throw new Error(`The wasm kernels (${form}) have not been loaded.`);
  }
  return { kernels: instance.kernels, threads: found.threads };
}

/** While on, the backend in use computes in one thread, if it is wasm: other workers have the processor's other cores. */
export function computeAlone(on: boolean): void {
  const found = loaded.get(tf.backend() as BackendWasm);
  if (found !== undefined) found.threads.alone = on;
}
