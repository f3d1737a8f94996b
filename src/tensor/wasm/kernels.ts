/**
 * Our own kernels for wasm (sources and conventions: wasm/README.md), a second module over the memory of tfjs' one.
 * Arguments are addresses in bytes and sizes.
 */
import separateUrl from '../../../wasm/kernels.wasm?url';
import fusedUrl from '../../../wasm/kernelsFused.wasm?url';
import type { BackendWasm } from '../tf.ts';

/** The two binaries of the same sources (forms.ts). */
const urls = { separate: separateUrl, fused: fusedUrl } as const;

type Kernel<Result = void> = (...addressesAndSizes: number[]) => Result;

const names = [
  'attend',
  'attendGradient',
  'convolutionGradientRows',
  'convolutionRows',
  'geglu',
  'gegluGradient',
  'groupNorm',
  'groupNormGradient',
  'layerNorm',
  'layerNormGradient',
  'matrixRows',
  'multiply',
  'pack',
  'packTransposed',
  'silu',
  'siluGradient',
  'transpose',
  'winogradInput',
  'winogradOutput',
  'winogradWeights',
] as const;

export type WasmKernels = Readonly<Record<(typeof names)[number], Kernel>> & {
  /** Bytes of scratch memory for so many queries and keys, and the width of a head. */
  readonly attentionScratch: Kernel<number>;
  /** Bytes of scratch memory for so many channels. */
  readonly groupNormScratch: Kernel<number>;
};

/** Part of the wasm module that its types leave out. */
type Module = { readonly asm: { readonly memory: WebAssembly.Memory } };

const loaded = new WeakMap<BackendWasm, WasmKernels>();

/**
 * Has to be done once before a backend runs any of our ops; from then on they run in this form.
 * @throws Error when the binary cannot be had, or the browser does not have its instructions
 */
export async function loadWasmKernels(backend: BackendWasm, form: keyof typeof urls): Promise<void> {
  const url = urls[form];
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: status ${response.status}`);
  const { memory } = (backend.wasm as unknown as Module).asm;
  const { instance } = await WebAssembly.instantiate(await response.arrayBuffer(), { env: { memory } });
  loaded.set(backend, instance.exports as unknown as WasmKernels);
}

export function wasmKernels(backend: BackendWasm): WasmKernels {
  const kernels = loaded.get(backend);
  if (kernels === undefined) throw new Error('The wasm kernels have not been loaded.');
  return kernels;
}
