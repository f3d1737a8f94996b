// Time of a kernel without the wait for its result: many one after another, and one wait at the end. Where the device has
// timestamps they are taken around all of them; read-backs cost milliseconds, which would be all that one sees.

import { submitPending } from '../../src/tensor/memory.ts';
import { settle } from '../../src/tensor/pace.ts';
import { tf, WebGPUBackend } from '../../src/tensor/tf.ts';
import { computesOnCpu } from '../../src/tensor/webgpu/adapter.ts';

/** All runs together take so long, that clocks and the last wait do not count. */
const LONG_ENOUGH_MS = 30;
const MOST_RUNS = 4096;

/** @param run computes once and frees what it made. @returns what gives the milliseconds of one run */
export function pipelined(run: () => void): () => Promise<number> {
  let runs = 1;
  return async () => {
    for (;;) {
      const ms = await elapsed(() => {
        for (let i = 0; i < runs; i++) run();
      });
      if (ms >= LONG_ENOUGH_MS || runs >= MOST_RUNS) return ms / runs;
      runs = Math.min(MOST_RUNS, runs * Math.max(2, Math.ceil(LONG_ENOUGH_MS / Math.max(ms, 0.1))));
    }
  };
}

async function elapsed(work: () => void): Promise<number> {
  const backend = tf.backend();
  const timed =
    backend instanceof WebGPUBackend &&
    backend.device.features.has('timestamp-query') &&
    !computesOnCpu(backend.device.adapterInfo);
  await settle();
  if (timed) return onDevice(backend.device, work);
  const start = performance.now();
  work();
  await settle();
  return performance.now() - start;
}

/** Between two timestamps, the GPU's time with the gaps between the dispatches. */
async function onDevice(device: GPUDevice, work: () => void): Promise<number> {
  const querySet = device.createQuerySet({ type: 'timestamp', count: 2 });
  const stamp = (index: number): GPUCommandEncoder => {
    const encoder = device.createCommandEncoder();
    encoder.beginComputePass({ timestampWrites: { querySet, endOfPassWriteIndex: index } }).end();
    return encoder;
  };
  device.queue.submit([stamp(0).finish()]);
  work();
  submitPending();
  const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
  const resolved = device.createBuffer({ size: 16, usage });
  const read = device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const last = stamp(1);
  last.resolveQuerySet(querySet, 0, 2, resolved, 0);
  last.copyBufferToBuffer(resolved, 0, read, 0, 16);
  device.queue.submit([last.finish()]);
  await read.mapAsync(GPUMapMode.READ);
  const [first, second] = new BigUint64Array(read.getMappedRange().slice(0)) as unknown as [bigint, bigint];
  for (const gone of [read, resolved, querySet]) gone.destroy();
  return Number(second - first) / 1e6;
}
