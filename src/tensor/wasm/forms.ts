/**
 * The forms of the wasm kernels. `separate` rounds after each multiplication and each addition; `fused` (relaxed SIMD, where
 * the processor fuses) rounds once for both, which is faster and a little more exact, but gives other last bits. Each form gives
 * the same bits on every machine that has it.
 */
import { type BackendWasm, tf } from '../tf.ts';
import { loadWasmKernels } from './kernels.ts';

export const wasmForms = ['separate', 'fused'] as const;
export type WasmForm = (typeof wasmForms)[number];

/** Name of the choice in checkpoints and reports. */
const AREA = 'products';

let current: WasmForm = 'separate';

/** Loads the best form that this machine has; done once before a backend runs any of our ops. */
export async function openWasmForm(backend: BackendWasm): Promise<void> {
  await use(backend, fusesProducts() ? 'fused' : 'separate');
}

/** Uses a form, as tests do; `fused` only where `fusesProducts`. */
export async function setWasmForm(form: WasmForm): Promise<void> {
  await use(tf.backend() as BackendWasm, form);
}

/**
 * Uses the form that a run was begun with, as far as this machine has it, so that it goes on to the same bits.
 *
 * @param recorded what `wasmFormsInUse` gave when the run was begun; undefined for a new run
 * @returns what this machine does not have
 */
export async function restoreWasmForm(
  recorded: Readonly<Record<string, string>> | undefined,
): Promise<readonly string[]> {
  const backend = tf.backend() as BackendWasm;
  if (recorded === undefined) {
    await openWasmForm(backend);
    return [];
  }
  // Runs from before there was a choice are of the first form.
  const wanted = recorded[AREA] ?? 'separate';
  const has = wanted === 'separate' || (wanted === 'fused' && fusesProducts());
  await use(backend, has ? wanted : 'separate');
  return has ? [] : [AREA];
}

/** The form in use, for checkpoints; nothing for the one that runs had before there was a choice. */
export function wasmFormsInUse(): Readonly<Record<string, string>> {
  return current === 'separate' ? {} : { [AREA]: current };
}

async function use(backend: BackendWasm, form: WasmForm): Promise<void> {
  await loadWasmKernels(backend, form);
  current = form;
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
