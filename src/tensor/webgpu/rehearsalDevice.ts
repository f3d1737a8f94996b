/**
 * Runs real code on a device that computes nothing, to learn how much memory it takes. tfjs' webgpu backend and our
 * kernels work as ever: buffers are taken from the pool, given back and submitted in the same order, so that the peak is
 * that of a real run. Shaders are not compiled, nothing is dispatched, and values are zeros.
 */

import { isTaken } from '../pace.ts';
import { type KernelBackend, tf, WebGPUBackend } from '../tf.ts';
import { type BufferMeter, meterBuffers } from './bufferMeter.ts';
import { forget } from './launch.ts';

export type RehearsalOptions = {
  /** Makes the buffers on this device instead of only counting them. */
  readonly device?: GPUDevice | undefined;
  /** Limits that the code asks for where there is no device. */
  readonly limits?: Readonly<Record<string, number>> | undefined;
};

/** What the kernels ask of a device; those of a middle-class GPU. */
const DEFAULT_LIMITS = {
  maxBufferSize: 2 ** 31,
  maxStorageBufferBindingSize: 2 ** 31 - 4,
  maxStorageBuffersPerShaderStage: 10,
  maxComputeWorkgroupStorageSize: 32_768,
  maxComputeInvocationsPerWorkgroup: 1024,
  maxComputeWorkgroupSizeX: 1024,
  maxComputeWorkgroupSizeY: 1024,
  maxComputeWorkgroupSizeZ: 64,
  maxComputeWorkgroupsPerDimension: 65_535,
} as const;

/** Members of the engine that decide what computes. */
type Seat = { backendName: string; backendInstance: KernelBackend };

/**
 * Runs `work` with such a device as the webgpu backend and puts the backend before it back. Tensors from outside must not
 * be used inside, nor the other way round.
 *
 * Without `device`, `work` must wait for nothing but the device: then everything happens within one task, and no other
 * code gets to see the borrowed backend.
 *
 * @throws RangeError when `work` waited for something else
 */
export async function rehearse<T>(
  work: (meter: BufferMeter) => Promise<T>,
  { device, limits }: RehearsalOptions = {},
): Promise<T> {
  nameConstants();
  const stand = standIn(device, limits);
  const meter = meterBuffers(stand);
  const seat = tf.engine() as unknown as Seat;
  const before = { backendName: seat.backendName, backendInstance: seat.backendInstance };
  // What other code waits for comes in tasks of its own; a rehearsal begins in a fresh one. It would wait in vain where
  // somebody has the device alone.
  do await new Promise((resolve) => setTimeout(resolve));
  while (isTaken());
  let interrupted = false;
  const timer = setTimeout(() => {
    interrupted = true;
  });
  const backend = makeBackend(stand);
  Object.assign(seat, { backendName: 'webgpu', backendInstance: backend });
  try {
    const result = await work(meter);
    if (interrupted && device === undefined) throw new RangeError('a rehearsal waited for something real');
    return result;
  } finally {
    clearTimeout(timer);
    backend.dispose();
    forget(stand);
    Object.assign(seat, before);
  }
}

/** What tfjs and our code name of WebGPU (https://www.w3.org/TR/webgpu/), missing where a browser does not have it. */
const NAMES = {
  GPUBuffer: class {},
  GPUTexture: class {},
  GPUExternalTexture: class {},
  GPUBufferUsage: {
    ...{ MAP_READ: 1, MAP_WRITE: 2, COPY_SRC: 4, COPY_DST: 8, INDEX: 16, VERTEX: 32, UNIFORM: 64 },
    ...{ STORAGE: 128, INDIRECT: 256, QUERY_RESOLVE: 512 },
  },
  GPUMapMode: { READ: 1, WRITE: 2 },
  GPUShaderStage: { VERTEX: 1, FRAGMENT: 2, COMPUTE: 4 },
  GPUTextureUsage: {
    COPY_SRC: 1,
    COPY_DST: 2,
    TEXTURE_BINDING: 4,
    STORAGE_BINDING: 8,
    RENDER_ATTACHMENT: 16,
  },
} as const;

/** Plans are made in every browser; whether there is a GPU is told by `navigator.gpu` alone. */
function nameConstants(): void {
  for (const [name, value] of Object.entries(NAMES)) {
    if (!(name in globalThis)) Object.defineProperty(globalThis, name, { value, configurable: true });
  }
}

/** tfjs makes its backend only where there is `navigator.gpu`. */
function makeBackend(stand: GPUDevice): WebGPUBackend {
  if ((navigator.gpu as GPU | undefined) !== undefined) return new WebGPUBackend(stand);
  Object.defineProperty(navigator, 'gpu', { value: {}, configurable: true });
  try {
    return new WebGPUBackend(stand);
  } finally {
    Reflect.deleteProperty(navigator, 'gpu');
  }
}

const nothing = (): undefined => undefined;

function standIn(device: GPUDevice | undefined, limits: RehearsalOptions['limits']): GPUDevice {
  const pass = { setPipeline: nothing, setBindGroup: nothing, dispatchWorkgroups: nothing, end: nothing };
  const encoder = {
    beginComputePass: () => pass,
    copyBufferToBuffer: nothing,
    clearBuffer: nothing,
    finish: () => ({}),
  };
  const stand = {
    label: 'rehearsal',
    features: new Set<string>(),
    limits: device?.limits ?? { ...DEFAULT_LIMITS, ...limits },
    // Kernels take fewer threads on an adapter that is a program, which changes no size.
    adapterInfo: device?.adapterInfo ?? { architecture: '', description: '' },
    queue: {
      submit: nothing,
      writeBuffer: nothing,
      // Buffers take their time to be made.
      onSubmittedWorkDone: async () => device?.queue.onSubmittedWorkDone(),
    },
    createBuffer: (descriptor: GPUBufferDescriptor) =>
      device === undefined ? paperBuffer(descriptor) : device.createBuffer(descriptor),
    createBindGroup: () => ({}),
    createBindGroupLayout: () => ({}),
    createPipelineLayout: () => ({}),
    createShaderModule: () => ({}),
    createComputePipeline: () => ({ getBindGroupLayout: () => ({}) }),
    createComputePipelineAsync: async () => ({}),
    createCommandEncoder: () => encoder,
  };
  return stand as unknown as GPUDevice;
}

let scratch = new ArrayBuffer(0);

/** A buffer that is only a number of bytes. tfjs tells buffers by their class. */
function paperBuffer({ size, usage, mappedAtCreation }: GPUBufferDescriptor): GPUBuffer {
  let mapState: GPUBufferMapState = mappedAtCreation === true ? 'mapped' : 'unmapped';
  const members = {
    size: { value: size },
    usage: { value: usage },
    mapState: { get: () => mapState },
    mapAsync: {
      value: async () => {
        mapState = 'mapped';
      },
    },
    // All mapped memory is the same: it is written and forgotten, or read for the sake of its size.
    getMappedRange: {
      value: () => {
        if (scratch.byteLength < size) scratch = new ArrayBuffer(size);
        return scratch.byteLength === size ? scratch : scratch.slice(0, size);
      },
    },
    unmap: {
      value: () => {
        mapState = 'unmapped';
      },
    },
    destroy: { value: nothing, writable: true },
  } satisfies PropertyDescriptorMap;
  return Object.create(GPUBuffer.prototype, members) as GPUBuffer;
}
