import { expect, it, vi } from 'vitest';
import { openBackend } from '../../../src/tensor/device.ts';
import { memoryReport } from '../../../src/tensor/memory.ts';
import { linear } from '../../../src/tensor/ops/linear.ts';
import { type BackendWasm, tf, type WebGPUBackend } from '../../../src/tensor/tf.ts';
import { Heap } from '../../../src/tensor/wasm/heap.ts';
import { disposeWeight, makeWeight } from '../../../src/tensor/weights.ts';
import { randoms, take, wasmPaths } from './harness.ts';

it('prefers wasm to an adapter that computes on the CPU', async () => {
  const info = await openBackend('auto', { wasmPaths });
  expect(info.name).toBe('wasm');
  expect(info.reason).toContain('WebAssembly is faster');
  expect(tf.getBackend()).toBe('wasm');
});

it('opens webgpu with the limits of the adapter, as plain data', async () => {
  const info = await openBackend('webgpu', { wasmPaths });
  expect(info.adapter?.software).toBe(true);
  expect(info.limits.maxStorageBufferBindingSize).toBeGreaterThan(128 * 2 ** 20);
  expect(structuredClone(info)).toEqual(info);
});

it('reports the first GPU error once', async () => {
  const onLost = vi.fn();
  await openBackend('webgpu', { wasmPaths, onLost });
  const { device } = tf.backend() as WebGPUBackend;
  for (const _ of [1, 2]) device.createBuffer({ size: 4, usage: 0 });
  // Errors arrive with the next work that is submitted.
  device.queue.submit([]);
  await vi.waitFor(() => expect(onLost).toHaveBeenCalled());
  expect(onLost).toHaveBeenCalledOnce();
  expect(onLost.mock.calls[0]?.[0]).toMatchObject({ code: 'gpu-error' });
});

it('works on a new device after another one', async () => {
  for (const _ of [1, 2]) {
    await openBackend('webgpu', { wasmPaths });
    const weight = makeWeight(randoms(1, 16), [4, 4], 'f16', 'w');
    const x = tf.ones([1, 4]);
    const y = linear(x, weight, null);
    const columns = [0, 1, 2, 3].map((n) =>
      [0, 4, 8, 12].reduce((sum, k) => sum + (randoms(1, 16)[n + k] ?? 0), 0),
    );
    for (const [n, value] of (await take(y)).entries()) expect(value).toBeCloseTo(columns[n] as number, 2);
    x.dispose();
    disposeWeight(weight);
    expect(memoryReport().tensors).toBe(0);
  }
});

it('clones on wasm without a copy, each clone with a life of its own', async () => {
  await openBackend('wasm', { wasmPaths });
  const backend = tf.backend() as BackendWasm;
  const x = tf.tensor1d([1, 2, 3]);
  const address = backend.getMemoryOffset(x.dataId);
  const clone = x.clone();
  expect(backend.getMemoryOffset(clone.dataId)).toBe(address);
  x.dispose();
  expect([...(await clone.data())]).toEqual([1, 2, 3]);
  const { dataId } = clone;
  clone.dispose();
  expect(backend.dataIdMap.has(dataId)).toBe(false);
});

it('says when the memory of wasm is full, and goes on with less', async () => {
  await openBackend('wasm', { wasmPaths });
  const heap = new Heap(tf.backend() as BackendWasm);
  // Of the 4 GiB that 32 bits address, twice 2.4 GB; none of it is touched.
  heap.allocate([6e8]);
  expect(() => heap.allocate([6e8])).toThrow(expect.objectContaining({ code: 'memory-full' }) as Error);
  heap.values(heap.allocate([16])).fill(1);
  heap.release([]);
  expect(memoryReport().tensors).toBe(0);
});
