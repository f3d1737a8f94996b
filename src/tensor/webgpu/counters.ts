/**
 * Counts every compute dispatch between two points, tfjs' own included, by wrapping the WebGPU prototypes. For
 * measurements only: while counting, encoding is slower.
 */

import { submitPending } from '../memory.ts';
import { type LaunchCounters, launchCounters } from './encoder.ts';

type LaunchCount = {
  /** All compute dispatches. */
  readonly dispatches: number;
  /** Bytes of all storage buffers bound, each once per dispatch: an upper bound of the unique traffic. */
  readonly boundBytes: number;
  /** The part of it that is our own WGSL, with reads and writes apart. */
  readonly own: Readonly<LaunchCounters>;
};

/** Runs `work` and counts what it dispatches. Counts zeros on wasm. */
export async function countLaunches<T>(
  work: () => T | Promise<T>,
): Promise<{ readonly result: T; readonly count: LaunchCount }> {
  if (typeof GPUComputePassEncoder === 'undefined') {
    const none = { dispatches: 0, bytesRead: 0, bytesWritten: 0 };
    return { result: await work(), count: { dispatches: 0, boundBytes: 0, own: none } };
  }
  submitPending();
  const before = { ...launchCounters };
  const totals = { dispatches: 0, boundBytes: 0 };
  const restore = wrapPrototypes(totals);
  try {
    const result = await work();
    const own = {
      dispatches: launchCounters.dispatches - before.dispatches,
      bytesRead: launchCounters.bytesRead - before.bytesRead,
      bytesWritten: launchCounters.bytesWritten - before.bytesWritten,
    };
    return { result, count: { ...totals, own } };
  } finally {
    restore();
  }
}

function wrapPrototypes(totals: { dispatches: number; boundBytes: number }): () => void {
  const { createBindGroup } = GPUDevice.prototype;
  const { setBindGroup, dispatchWorkgroups } = GPUComputePassEncoder.prototype;
  const groupBytes = new WeakMap<GPUBindGroup, number>();
  const passBytes = new WeakMap<GPUComputePassEncoder, number>();

  GPUDevice.prototype.createBindGroup = function (descriptor) {
    const group = createBindGroup.call(this, descriptor);
    groupBytes.set(group, storageBytes(descriptor));
    return group;
  };
  // The overloads of the declaration are one function; neither tfjs nor we use dynamic offsets.
  const plain = setBindGroup as (
    this: GPUComputePassEncoder,
    index: number,
    group: GPUBindGroup,
  ) => undefined;
  GPUComputePassEncoder.prototype.setBindGroup = function (
    this: GPUComputePassEncoder,
    index: number,
    group: GPUBindGroup,
  ) {
    passBytes.set(this, groupBytes.get(group) ?? 0);
    return plain.call(this, index, group);
  } as typeof setBindGroup;
  GPUComputePassEncoder.prototype.dispatchWorkgroups = function (x, y, z) {
    totals.dispatches += 1;
    totals.boundBytes += passBytes.get(this) ?? 0;
    dispatchWorkgroups.call(this, x, y, z);
  };
  return () => {
    GPUDevice.prototype.createBindGroup = createBindGroup;
    GPUComputePassEncoder.prototype.setBindGroup = setBindGroup;
    GPUComputePassEncoder.prototype.dispatchWorkgroups = dispatchWorkgroups;
  };
}

function storageBytes(descriptor: GPUBindGroupDescriptor): number {
  let bytes = 0;
  for (const { resource } of descriptor.entries) {
    if (!('buffer' in resource)) continue;
    if ((resource.buffer.usage & GPUBufferUsage.STORAGE) !== 0) bytes += resource.buffer.size;
  }
  return bytes;
}
