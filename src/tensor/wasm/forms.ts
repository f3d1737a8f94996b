/**
 * The forms of the wasm kernels. Each gives the same bits on every machine that has it, but other last bits than another.
 *
 * - `products`: `separate` rounds after each multiplication and each addition; `fused` (relaxed SIMD, where the processor fuses)
 *   rounds once for both, which is faster on most processors and a little more exact.
 * - `convolutions`: the largest tiles that Winograd's way goes in, of 2 x 2 or 4 x 4 pixels.
 */
import { type BackendWasm, tf } from '../tf.ts';
import { loadWasmKernels, type WasmForms } from './kernels.ts';

/** What runs had before there was a choice; every browser has it. */
export const firstForms: WasmForms = { products: 'separate', convolutions: 'winograd-2x2' };

/** What the kernels of a backend were loaded with. The number of threads does not change bits. */
type Loaded = { readonly backend: BackendWasm; readonly forms: WasmForms; readonly threads: number };

let loaded: Loaded | null = null;

/**
 * Loads the best forms that this machine has; done once before a backend runs any of our ops.
 * @param threads how many are wanted; they need shared memory
 */
export async function openWasmForms(backend: BackendWasm, threads: number): Promise<void> {
  await use({ backend, forms: bestForms(), threads });
}

/** Uses forms, as tests do; `fused` only where `fusesProducts`. */
export async function setWasmForms(forms: WasmForms): Promise<void> {
  await use({ backend: tf.backend() as BackendWasm, forms, threads: loaded?.threads ?? 1 });
}

/** The forms that a new run is begun in. */
export function bestForms(): WasmForms {
  return { products: fusesProducts() ? 'fused' : 'separate', convolutions: 'winograd-4x4' };
}

/**
 * Uses the forms that a run was begun with, as far as this machine has them, so that it goes on to the same bits.
 *
 * @param recorded what `wasmFormsInUse` gave when the run was begun; undefined for a new run
 * @returns what this machine does not have
 */
export async function restoreWasmForms(
  recorded: Readonly<Record<string, string>> | undefined,
): Promise<readonly string[]> {
  if (recorded === undefined) {
    await setWasmForms(bestForms());
    return [];
  }
  const best = bestForms();
  const { products = firstForms.products, convolutions = firstForms.convolutions } = recorded;
  const fused = products === 'fused' && best.products === 'fused';
  const large = convolutions === 'winograd-4x4';
  const forms: WasmForms = {
    products: fused ? 'fused' : 'separate',
    convolutions: large ? 'winograd-4x4' : 'winograd-2x2',
  };
  await setWasmForms(forms);
  return [
    ...(products === forms.products ? [] : ['products']),
    ...(convolutions === forms.convolutions ? [] : ['convolutions']),
  ];
}

/** The forms in use, for checkpoints; without those that runs had before there was a choice. */
export function wasmFormsInUse(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(loaded?.forms ?? firstForms).filter(
      ([area, form]) => form !== firstForms[area as keyof WasmForms],
    ),
  );
}

async function use(wanted: Loaded): Promise<void> {
  const { backend, forms, threads } = wanted;
  const { products, convolutions } = forms;
  const isLoaded =
    loaded?.backend === backend &&
    loaded.threads === threads &&
    loaded.forms.products === products &&
    loaded.forms.convolutions === convolutions;
  if (isLoaded) return;
  await loadWasmKernels(backend, forms, threads);
  loaded = wanted;
}

/** `(x: f32, y: f32) -> f32`: x x + y by `f32x4.relaxed_madd`. */
const probe = Uint8Array.of(
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  // types, functions, exports ('f')
  ...[1, 7, 1, 0x60, 2, 0x7d, 0x7d, 1, 0x7d],
  ...[3, 2, 1, 0],
  ...[7, 5, 1, 1, 0x66, 0, 0],
  // code: three splats, relaxed_madd, lane 0
  ...[10, 22, 1, 20, 0, 0x20, 0, 0xfd, 19, 0x20, 0, 0xfd, 19, 0x20, 1, 0xfd, 19],
  ...[0xfd, 0x85, 2, 0xfd, 0x1f, 0, 0x0b],
);

/**
 * Whether this browser has relaxed SIMD and rounds once in its multiply-add. Without the processor's instruction it may
 * round twice, which is no form of its own.
 */
export function fusesProducts(): boolean {
  if (!WebAssembly.validate(probe)) return false;
  const { f } = new WebAssembly.Instance(new WebAssembly.Module(probe)).exports;
  // (1 + 2^-12)^2 = 1 + 2^-11 + 2^-24, whose last term is lost when the square is rounded.
  return (f as (x: number, y: number) => number)(1 + 2 ** -12, -(1 + 2 ** -11)) === 2 ** -24;
}
