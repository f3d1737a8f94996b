import plainWasm from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import simdWasm from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import threadedWasm from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { BackendName, WasmPaths } from '../../../src/contract/backend.ts';
import { normals } from '../../../src/lib/philox.ts';
import { openBackend } from '../../../src/tensor/device.ts';
import { submitPending } from '../../../src/tensor/memory.ts';
import { type Tensor, tf, WebGPUBackend } from '../../../src/tensor/tf.ts';
import { bestForms, firstForms, setWasmForms } from '../../../src/tensor/wasm/forms.ts';
import type { WasmForms } from '../../../src/tensor/wasm/kernels.ts';
import { type KernelVariant, kernelOps } from '../../../src/tensor/webgpu/variantState.ts';
import { useKernelVariants } from '../../../src/tensor/webgpu/variants.ts';

export const wasmPaths: WasmPaths = {
  'tfjs-backend-wasm.wasm': plainWasm,
  'tfjs-backend-wasm-simd.wasm': simdWasm,
  'tfjs-backend-wasm-threaded-simd.wasm': threadedWasm,
};

/** Every form of every area once. */
const wasmRuns: readonly (readonly [string, WasmForms])[] = [
  ['in its first forms', firstForms],
  ['in its best forms', bestForms()],
];

/** Runs one suite on every backend, on wasm in every form; a GPU error or a leaked tensor fails it. */
export function onBackends(
  title: string,
  suite: (backend: BackendName) => void,
  names: readonly BackendName[] = ['wasm', 'webgpu'],
  variant: KernelVariant = 'registers',
): void {
  const runs = names.flatMap((name): [BackendName, string, WasmForms | null][] =>
    name === 'wasm' ? wasmRuns.map(([words, forms]) => [name, words, forms]) : [[name, '', null]],
  );
  describe.each(runs)(`${title} on %s %s`, (name, _, forms) => {
    const errors: string[] = [];
    let tensorsBefore = 0;
    beforeAll(async () => {
      await openBackend(name, {
        wasmPaths,
        onLost: (error) => {
          console.error(error.message);
          errors.push(error.message);
        },
      });
      useKernelVariants(Object.fromEntries(kernelOps.map((op) => [op, variant])));
      if (forms !== null) setWasmForms(forms);
      tensorsBefore = tf.memory().numTensors;
    });
    afterAll(async () => {
      await settleErrors();
      useKernelVariants({});
      expect(errors).toEqual([]);
      expect(tf.memory().numTensors).toBe(tensorsBefore);
    });
    suite(name);
  });
}

/** Waits for errors of the GPU, which arrive with the next submission. */
async function settleErrors(): Promise<void> {
  const backend = tf.backend();
  if (!(backend instanceof WebGPUBackend)) return;
  submitPending();
  backend.device.queue.submit([]);
  await backend.device.queue.onSubmittedWorkDone();
}

/** Normal numbers, the same for the same seed. */
export function randoms(seed: number, count: number, scale = 1): Float32Array {
  return normals(seed, 0, 0, count).map((value) => value * scale);
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** max |actual - expected| / max |expected| */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let error = 0;
  let peak = 1e-30;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs((actual[i] as number) - (expected[i] as number));
    error = Number.isFinite(difference) ? Math.max(error, difference) : Number.POSITIVE_INFINITY;
    peak = Math.max(peak, Math.abs(expected[i] as number));
  }
  return error / peak;
}

/** Reads a tensor and frees it. */
export async function take(tensor: Tensor): Promise<Float32Array> {
  const values = (await tensor.data()) as Float32Array;
  tensor.dispose();
  return values;
}

type GradientCase = {
  /** The op on tensors. */
  readonly op: (...inputs: Tensor[]) => Tensor;
  /** The same in float64. */
  readonly reference: (...inputs: Float64Array[]) => Float64Array;
  readonly inputs: readonly { readonly values: Float32Array; readonly shape: readonly number[] }[];
  readonly tolerance: number;
};

const differenceStep = 1e-5;
const placesPerInput = 10;

/**
 * Compares the gradient of sum(op(inputs) * r), r random, with central differences of the float64 reference at a few
 * places of every input.
 */
export async function expectGradients({ op, reference, inputs, tolerance }: GradientCase): Promise<void> {
  const wide = inputs.map(({ values }) => Float64Array.from(values));
  const weights = randoms(97, reference(...wide).length);
  const loss = (): number => reference(...wide).reduce((sum, y, i) => sum + y * (weights[i] as number), 0);

  const tensors = inputs.map(({ values, shape }) => tf.tensor(values, [...shape]));
  const sample = tf.tidy(() => op(...tensors));
  const dy = tf.tensor(weights, sample.shape);
  const gradients = tf.grads((...xs: Tensor[]) => op(...xs))(tensors, dy);
  for (const [i, gradient] of gradients.entries()) {
    const actual = (await gradient.data()) as Float32Array;
    const values = wide[i] as Float64Array;
    const stride = Math.max(1, Math.floor(values.length / placesPerInput));
    let peak = 1e-3;
    let error = 0;
    for (let place = 0; place < values.length; place += stride) {
      const kept = values[place] as number;
      values[place] = kept + differenceStep;
      const above = loss();
      values[place] = kept - differenceStep;
      const below = loss();
      values[place] = kept;
      const expected = (above - below) / (2 * differenceStep);
      peak = Math.max(peak, Math.abs(expected));
      error = Math.max(error, Math.abs((actual[place] as number) - expected));
    }
    expect(error / peak, `gradient of input ${i}`).toBeLessThan(tolerance);
  }
  tf.dispose([...tensors, ...gradients, sample, dy]);
}
