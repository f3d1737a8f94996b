/**
 * Counts the bytes of every living buffer of a device: weights, tensors, the pool of free buffers, uniforms and staging
 * buffers alike, whoever made them. WebGPU itself tells nothing of memory.
 */
import { tf, WebGPUBackend } from '../tf.ts';

export type BufferMeter = {
  /** Bytes and number of buffers that exist now. */
  readonly liveBytes: number;
  readonly count: number;
  /** Most bytes at any time since the device was opened or `restart` was called. */
  readonly peakBytes: number;
  /** Counts the peak from here on. */
  restart(): void;
};

class Meter implements BufferMeter {
  liveBytes = 0;
  count = 0;
  peakBytes = 0;

  restart(): void {
    this.peakBytes = this.liveBytes;
  }

  add(sizeBytes: number): void {
    this.liveBytes += sizeBytes;
    this.count += 1;
    this.peakBytes = Math.max(this.peakBytes, this.liveBytes);
  }

  remove(sizeBytes: number): void {
    this.liveBytes -= sizeBytes;
    this.count -= 1;
  }
}

const meters = new WeakMap<GPUDevice, Meter>();

/** Counts all buffers that `device` makes from now on. */
export function meterBuffers(device: GPUDevice): BufferMeter {
  const known = meters.get(device);
  if (known !== undefined) return known;
  const meter = new Meter();
  meters.set(device, meter);
  const create = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = create(descriptor);
    const destroy = buffer.destroy.bind(buffer);
    let lives = true;
    meter.add(descriptor.size);
    buffer.destroy = () => {
      if (lives) meter.remove(descriptor.size);
      lives = false;
      return destroy();
    };
    return buffer;
  };
  return meter;
}

/** The meter of the active backend's device; null on wasm. */
export function activeMeter(): BufferMeter | null {
  const backend = tf.backend();
  return backend instanceof WebGPUBackend ? meterBuffers(backend.device) : null;
}

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
