/**
 * Launches that are recorded once and submitted again and again with other values in the same input buffers. WebGPU has no
 * command buffers that can be used twice; what is saved is everything before the encoder: the engine of tfjs, tensors, bind
 * groups, uniforms, and the search for buffers.
 */
import { type Tensor, tf, type WebGPUBackend } from '../tf.ts';
import { commandEncoder, type Encoded, encode, flush } from './encoder.ts';
import { recordInto } from './launch.ts';

/** tfjs 4.22's pool of buffers; private in its types. */
type Pool = {
  acquireBuffer(size: number, usage: number, mapped?: boolean, reuse?: boolean): GPUBuffer;
  releaseBuffer(buffer: GPUBuffer, reuse?: boolean): void;
  dispose(): void;
};
type WithPool = { readonly bufferManager: Pool };

/** Buffers that only a recording writes to, by the pool that they came from. */
const owners = new WeakMap<GPUBuffer, Pool>();
const routed = new WeakSet<Pool>();

/** Releases buffers of recordings into the pool that they came from, whenever their tensors go. */
function route(pool: Pool): void {
  if (routed.has(pool)) return;
  routed.add(pool);
  const release = pool.releaseBuffer.bind(pool);
  pool.releaseBuffer = (buffer, reuse) => {
    const owner = owners.get(buffer);
    if (owner === undefined) release(buffer, reuse);
    else owner.releaseBuffer(buffer, reuse);
  };
}

export type Recording = {
  /** In a buffer of the recording: copy it before the next `replay`. */
  readonly output: Tensor;
  /** Encodes all launches once more. */
  replay(): void;
  dispose(): void;
};

/**
 * Runs `work`, which computes one tensor, and keeps its launches.
 *
 * @returns null where it did more than launch our kernels on tensors that were there before: then nothing is kept, and
 * nothing was computed that may be used
 */
export function recordLaunches(backend: WebGPUBackend, work: () => Tensor): Recording | null {
  const main = (backend as unknown as WithPool).bufferManager;
  route(main);
  flush(backend);
  const Manager = main.constructor as new (device: GPUDevice) => Pool;
  const own = new Manager(backend.device);
  const launches: Encoded[] = [];
  let foreign = false;
  const { acquireBuffer } = main;
  const { write, runWebGPUProgram } = backend;
  main.acquireBuffer = (size, usage, mapped, reuse) => {
    // Values on their way from JavaScript belong to tensors from before, or spoil the recording.
    if (mapped === true || (usage & GPUBufferUsage.STORAGE) === 0)
      return acquireBuffer.call(main, size, usage, mapped, reuse);
    const buffer = own.acquireBuffer(size, usage, mapped, reuse);
    owners.set(buffer, own);
    return buffer;
  };
  backend.write = (...values) => {
    foreign ||= (values[0] as unknown) != null;
    return write.apply(backend, values);
  };
  backend.runWebGPUProgram = (...program) => {
    foreign = true;
    return runWebGPUProgram.apply(backend, program);
  };
  let output: Tensor;
  try {
    output = recordInto(launches, () => tf.keep(work()));
  } finally {
    flush(backend);
    main.acquireBuffer = acquireBuffer;
    Object.assign(backend, { write, runWebGPUProgram });
  }
  const dispose = (): void => {
    output.dispose();
    flush(backend);
    own.dispose();
  };
  if (foreign) {
    dispose();
    return null;
  }
  return {
    output,
    replay() {
      for (const launch of launches) encode(backend, launch);
    },
    dispose,
  };
}

/** Values of a tensor on the GPU, from `first` on. */
type Place = { readonly tensor: Tensor; readonly first: number };

/** Copies `size` values after all that is recorded so far. */
export function copyValues(backend: WebGPUBackend, from: Place, to: Place, size: number): void {
  const buffer = ({ tensor }: Place): GPUBuffer => backend.tensorMap.get(tensor.dataId).resource as GPUBuffer;
  commandEncoder(backend, [from.tensor, to.tensor]).copyBufferToBuffer(
    buffer(from),
    4 * from.first,
    buffer(to),
    4 * to.first,
    4 * size,
  );
}
