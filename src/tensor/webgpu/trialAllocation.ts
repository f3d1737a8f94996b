import { tf, WebGPUBackend } from '../tf.ts';
import { activeMeter } from './bufferMeter.ts';

/** Largest buffer of a trial: real ones are smaller, and a device may refuse one huge buffer that has the memory. */
const MAX_BUFFER_BYTES = 256 * 2 ** 20;

/**
 * Creates and destroys buffers until the device holds `bytes` in all, those that exist included: WebGPU does not say how
 * much memory there is. Nothing else may be computed meanwhile.
 *
 * @returns false when the device ran out of memory; null on wasm, where nothing can be tried
 */
export async function tryAllocation(bytes: number): Promise<boolean | null> {
  const backend = tf.backend();
  if (!(backend instanceof WebGPUBackend)) return null;
  const { device } = backend;
  const limit = Math.min(MAX_BUFFER_BYTES, device.limits.maxBufferSize);
  const buffers: GPUBuffer[] = [];
  device.pushErrorScope('out-of-memory');
  for (let left = bytes - (activeMeter()?.liveBytes ?? 0); left > 0; left -= limit) {
    const size = 4 * Math.ceil(Math.min(left, limit) / 4);
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
    buffers.push(device.createBuffer({ label: 'Trial allocation', size, usage }));
  }
  const error = await device.popErrorScope();
  for (const buffer of buffers) buffer.destroy();
  return error === null;
}
