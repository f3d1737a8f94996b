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
