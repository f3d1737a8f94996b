/**
 * The only door to TensorFlow.js. Everything else imports tensors, kernels and backends from here, so the pinned
 * version is touched in one place.
 */
import * as tf from '@tensorflow/tfjs-core';
// After the core: registering a gradient reads a flag that the core defines while it is evaluated.
import '@tensorflow/tfjs-core/dist/register_all_gradients';

// biome-ignore lint/performance/noBarrelFile: one door to a pinned dependency, not a list of our own modules
export { BackendWasm, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
export { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
export type {
  KernelBackend,
  Scalar,
  Tensor,
  Tensor1D,
  Tensor2D,
  Tensor3D,
  Tensor4D,
  TensorInfo,
} from '@tensorflow/tfjs-core';
export { tf };

/** `tf.tidy` for results of any plain shape (records, arrays, null): tensors in the result live on, others are freed. */
export function scope<T>(run: () => T): T {
  return tf.tidy(run as () => tf.TensorContainer) as T;
}

/** Number of elements of `shape`. */
export function sizeOf(shape: readonly number[]): number {
  return tf.util.sizeFromShape([...shape]);
}

/** True while a tape records for a gradient. */
export function recordsTape(): boolean {
  const { gradientDepth } = (tf.engine() as unknown as { state: { gradientDepth: number } }).state;
  return gradientDepth > 0;
}
