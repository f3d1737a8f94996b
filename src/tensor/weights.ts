/**
 * Frozen weights. On webgpu an f16 weight is kept as pairs of halves in an `int32` tensor over a buffer of our own
 * (zero copy), and both channel axes are padded with zeros to multiples of 4; on wasm the rounded values are kept as
 * f32, so the numbers are the same everywhere.
 */

import type { WeightFormat } from '../contract/backend.ts';
import { StudioError } from '../lib/errors.ts';
import { floatsToHalves, halvesToFloats } from '../lib/half.ts';
import { submitPending } from './memory.ts';
import { BackendWasm, type Tensor, tf, WebGPUBackend } from './tf.ts';
import { assertAllocated } from './wasm/memory.ts';
import { dropPanels } from './wasm/panels.ts';

/** A frozen linear `[in, out]` or convolution `[kh, kw, Cin, Cout]` weight. */
export type Weight = {
  readonly name: string;
  readonly shape: readonly number[];
  /** Precision of the values. */
  readonly format: WeightFormat;
  /**
   * The values, or with `packed` two halves per element along the last axis, low half first. On webgpu the last two axes
   * are padded to multiples of 4, so that its shape may exceed `shape`.
   */
  readonly tensor: Tensor;
  readonly packed: boolean;
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
  const rounded = format === 'f16' && data instanceof Float32Array ? floatsToHalves(data) : data;
  if (!(backend instanceof WebGPUBackend)) {
    const tensor = tf.keep(tf.tensor(asFloats(rounded), [...shape], 'float32'));
    if (backend instanceof BackendWasm) assertAllocated(backend, tensor);
    return { name, shape, format, tensor, packed: false, buffer: null };
  }
  const { values, shape: whole } = padded(rounded, shape);
  checkSize(backend.device, values.length * (format === 'f16' ? 2 : 4), name);
  if (format === 'f16' && values instanceof Uint16Array) {
    const buffer = uploadBuffer(backend.device, values, name);
    const packedShape = [...whole.slice(0, -1), (whole.at(-1) as number) / 2];
    const tensor = tf.tensor({ buffer, zeroCopy: true }, packedShape, 'int32');
    return { name, shape, format, tensor: tf.keep(tensor), packed: true, buffer };
  }
  // At once: tfjs would keep the values in JavaScript until the first use.
  const buffer = uploadBuffer(backend.device, asFloats(values), name);
  const tensor = tf.keep(tf.tensor({ buffer, zeroCopy: true }, whole, 'float32'));
  return { name, shape, format, tensor, packed: false, buffer };
}

type Elements = Float32Array | Uint16Array;

function asFloats(values: Elements): Float32Array {
  return values instanceof Uint16Array ? halvesToFloats(values) : values;
}

/** `values` with the last two axes extended by zeros to multiples of 4; `values` itself where they are. */
function padded(values: Elements, shape: readonly number[]): { values: Elements; shape: number[] } {
  const [rows, columns] = shape.slice(-2) as [number, number];
  const [wholeRows, wholeColumns] = [rows, columns].map((size) => 4 * Math.ceil(size / 4)) as [
    number,
    number,
  ];
  if (wholeRows === rows && wholeColumns === columns) return { values, shape: [...shape] };
  const matrices = values.length / (rows * columns);
  const size = matrices * wholeRows * wholeColumns;
  const result = values instanceof Uint16Array ? new Uint16Array(size) : new Float32Array(size);
  for (let matrix = 0; matrix < matrices; matrix++) {
    for (let row = 0; row < rows; row++) {
      const from = (matrix * rows + row) * columns;
      result.set(values.subarray(from, from + columns), (matrix * wholeRows + row) * wholeColumns);
    }
  }
  return { values: result, shape: [...shape.slice(0, -2), wholeRows, wholeColumns] };
}

/** Frees the weight, its copies in other layouts and its GPU buffer. */
export function disposeWeight(weight: Weight): void {
  dropPanels(weight.tensor);
  weight.tensor.dispose();
  if (weight.buffer !== null) {
    // Commands recorded by tfjs but not yet submitted may still name the buffer.
    submitPending();
    weight.buffer.destroy();
  }
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
