/**
 * Frozen weights. On webgpu an f16 weight is kept as pairs of halves in an `int32` tensor over a buffer of our own
 * (zero copy); on wasm, and where a dimension is not divisible by 4, the rounded values are kept as f32, so the numbers
 * are the same everywhere.
 */
import { StudioError } from '../lib/errors.ts';
import { floatsToHalves, halvesToFloats } from '../lib/half.ts';
import { submitPending } from './memory.ts';
import { type Tensor, tf, WebGPUBackend } from './tf.ts';
import type { WeightFormat } from './types.ts';
import { dropPanels, panelBytes } from './wasmPanels.ts';

/** A frozen linear `[in, out]` or convolution `[kh, kw, Cin, Cout]` weight. */
export type Weight = {
  readonly name: string;
  readonly shape: readonly number[];
  /** Precision of the values. */
  readonly format: WeightFormat;
  /** The values, or with `packed` two halves per element along the last axis, low half first. */
  readonly tensor: Tensor;
  readonly packed: boolean;
  /** Transposed or flipped copy that input gradients need on wasm; made on first use. */
  forGradient: Tensor | null;
  readonly buffer: GPUBuffer | null;
};

/**
 * Uploads a frozen weight.
 *
 * @param data f32 values, or the bits of halves (only with format `f16`); not kept
 * @throws StudioError `tensor-too-large` when the device cannot bind a buffer of this size
 */
export function makeWeight(
  data: Float32Array | Uint16Array,
  shape: readonly number[],
  format: WeightFormat,
  name: string,
): Weight {
  const count = shape.reduce((product, size) => product * size, 1);
  if (data.length !== count) {
    throw new StudioError('weight-shape', `${name} has ${data.length} values, its shape needs ${count}.`, {
      remedy: 'The model files do not belong together; get them again.',
      where: name,
    });
  }
  const backend = tf.backend();
  const bytes = count * (format === 'f16' ? 2 : 4);
  if (backend instanceof WebGPUBackend) checkSize(backend.device, bytes, name);
  const divisible = shape.slice(-2).every((size) => size % 4 === 0);
  if (format === 'f16' && divisible && shape.length > 1 && backend instanceof WebGPUBackend) {
    const bits = data instanceof Uint16Array ? data : floatsToHalves(data);
    const buffer = uploadBuffer(backend.device, bits, name);
    const packedShape = [...shape.slice(0, -1), (shape.at(-1) as number) / 2];
    const tensor = tf.tensor({ buffer, zeroCopy: true }, packedShape, 'int32');
    return { name, shape, format, tensor: tf.keep(tensor), packed: true, forGradient: null, buffer };
  }
  const rounded = format === 'f16' && data instanceof Float32Array ? floatsToHalves(data) : data;
  const values = rounded instanceof Uint16Array ? halvesToFloats(rounded) : rounded;
  if (backend instanceof WebGPUBackend) {
    // At once: tfjs would keep the values in JavaScript until the first use.
    const buffer = uploadBuffer(backend.device, values, name);
    const tensor = tf.keep(tf.tensor({ buffer, zeroCopy: true }, [...shape], 'float32'));
    return { name, shape, format, tensor, packed: false, forGradient: null, buffer };
  }
  const tensor = tf.keep(tf.tensor(values, [...shape], 'float32'));
  return { name, shape, format, tensor, packed: false, forGradient: null, buffer: null };
}

/** Frees the weight, its gradient copy and its GPU buffer. */
export function disposeWeight(weight: Weight): void {
  weight.forGradient?.dispose();
  weight.forGradient = null;
  dropPanels(weight.tensor);
  weight.tensor.dispose();
  if (weight.buffer !== null) {
    // Commands recorded by tfjs but not yet submitted may still name the buffer.
    submitPending();
    weight.buffer.destroy();
  }
}

/** Bytes of `weight` on the backend, its copies in other layouts included. */
export function weightBytes(weight: Weight): number {
  return 4 * (weight.tensor.size + (weight.forGradient?.size ?? 0)) + panelBytes(weight.tensor);
}

function checkSize(device: GPUDevice, bytes: number, name: string): void {
  const limit = Math.min(device.limits.maxBufferSize, device.limits.maxStorageBufferBindingSize);
  if (bytes <= limit) return;
  throw new StudioError(
    'tensor-too-large',
    `${name} needs ${bytes} bytes, this GPU binds at most ${limit}.`,
    {
      remedy: 'Choose WebAssembly or a smaller model.',
      where: name,
    },
  );
}

function uploadBuffer(device: GPUDevice, values: Uint16Array | Float32Array, name: string): GPUBuffer {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const buffer = device.createBuffer({ label: `Weight ${name}`, size: values.byteLength, usage });
  device.queue.writeBuffer(buffer, 0, values.buffer, values.byteOffset, values.byteLength);
  return buffer;
}
