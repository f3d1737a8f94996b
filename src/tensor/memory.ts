/** Live and pooled memory of the active backend. */
import { tf, WebGPUBackend } from './tf.ts';

/** Members of the 4.22.0 backend that exist at run time and are private in its types. */
type PoolAccess = {
  readonly commandEncoder: GPUCommandEncoder | null;
  readonly bufferManager: {
    readonly freeBuffers: Map<string, GPUBuffer[]>;
    numBytesAllocated: number;
    readonly numBytesUsed: number;
    numFreeBuffers: number;
  };
};

type MemoryReport = {
  /** Tensors alive in tfjs. */
  readonly tensors: number;
  /** Bytes of live tensors, weights included. */
  readonly liveBytes: number;
  /** Bytes of GPU buffers that tfjs holds, live or pooled; 0 on wasm. Packed weights are not among them. */
  readonly pooledBytes: number;
};

/** @returns counts for the active backend */
export function memoryReport(): MemoryReport {
  const memory = tf.memory();
  const backend = tf.backend();
  const pooledBytes = backend instanceof WebGPUBackend ? backend.memory().numBytesAllocatedInGPU : 0;
  return { tensors: memory.numTensors, liveBytes: memory.numBytes, pooledBytes };
}

/** Submits what tfjs has recorded so far. Does nothing on wasm. */
export function submitPending(): void {
  const backend = tf.backend();
  if (!(backend instanceof WebGPUBackend)) return;
  if ((backend as unknown as PoolAccess).commandEncoder === null) return;
  backend.endComputePassEncoder();
  backend.submitQueue();
}

/**
 * Destroys the free buffers of tfjs' pool, which is keyed by exact size and never shrinks by itself. Call it between
 * phases (text encoder, UNet, VAE). Does nothing on wasm.
 *
 * @param keepBytes as many may stay free: nothing happens while there are no more
 * @returns bytes given back
 */
export function trimPool(keepBytes = 0): number {
  const backend = tf.backend();
  if (!(backend instanceof WebGPUBackend)) return 0;
  submitPending();
  const pool = (backend as unknown as PoolAccess).bufferManager;
  if (pool.numBytesAllocated - pool.numBytesUsed <= keepBytes) return 0;
  let freedBytes = 0;
  for (const buffers of pool.freeBuffers.values()) {
    for (const buffer of buffers) {
      freedBytes += buffer.size;
      pool.numFreeBuffers--;
      buffer.destroy();
    }
    buffers.length = 0;
  }
  pool.numBytesAllocated -= freedBytes;
  return freedBytes;
}
