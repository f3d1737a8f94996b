/**
 * The forms of the wasm kernels. Each gives the same bits on every machine that has it, but other last bits than another.
 *
 * - `products`: `separate` rounds after each multiplication and each addition; `fused` (relaxed SIMD, where the processor fuses)
 *   rounds once for both, which is faster on most processors.
 * - `convolutions`: the largest tiles that Winograd's way goes in, of 2 x 2 or 4 x 4 pixels.
 *
 * They are chosen for what is drawn. Gradients, and what they are taken of, are always computed in the first forms: some of what
 * is made of them enlarges the last bits (Attend-and-Excite moves a latent five times by 20 times a gradient; Adam's first
 * steps depend on signs), and there the larger tiles' errors, twice those of the small ones, would be seen.
 */
import type { WasmForms } from './kernels.ts';

/** What runs had before there was a choice; every browser has it. */
export const firstForms: WasmForms = { products: 'separate', convolutions: 'winograd-2x2' };

let forDrawing = firstForms;
let isForGradients = false;

/** The forms that ops run in now. */
export function formsNow(): WasmForms {
  return isForGradients ? firstForms : forDrawing;
}

/** Runs what gradients are taken of, or what has to be computed as it is computed there. */
export function inGradientForms<T>(run: () => T): T {
  const before = isForGradients;
  isForGradients = true;
  try {
    return run();
  } finally {
    isForGradients = before;
  }
}

/** Draws in these forms from now on; `fused` only where `fusesProducts`. */
export function setWasmForms(forms: WasmForms): void {
  forDrawing = forms;
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
export function restoreWasmForms(recorded: Readonly<Record<string, string>> | undefined): readonly string[] {
  const best = bestForms();
  if (recorded === undefined) {
    setWasmForms(best);
    return [];
  }
  const { products = firstForms.products, convolutions = firstForms.convolutions } = recorded;
  const fused = products === 'fused' && best.products === 'fused';
  const large = convolutions === 'winograd-4x4';
  const forms: WasmForms = {
    products: fused ? 'fused' : 'separate',
    convolutions: large ? 'winograd-4x4' : 'winograd-2x2',
  };
  setWasmForms(forms);
  return [
    ...(products === forms.products ? [] : ['products']),
    ...(convolutions === forms.convolutions ? [] : ['convolutions']),
  ];
}

/** The forms in use, for checkpoints; without those that runs had before there was a choice. */
export function wasmFormsInUse(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(forDrawing).filter(([area, form]) => form !== firstForms[area as keyof WasmForms]),
  );
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
