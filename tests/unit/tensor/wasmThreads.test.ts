// What threads of wasm rest on, without a browser: a module whose memory is shared, and how rows are divided.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { mayShareMemory, shareMemory } from '../../../src/tensor/wasm/sharedMemory.ts';
import { threadsFor, WasmThreads } from '../../../src/tensor/wasm/threads.ts';
import { kernelsPath } from '../../../tools/buildWasm.mjs';

const tfjs = createRequire(import.meta.url).resolve(
  '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm',
);
const read = (path: string): Uint8Array<ArrayBuffer> => new Uint8Array(readFileSync(path));

it.each([tfjs, kernelsPath('kernels.wasm')])('%s has its memory shared by one byte', async (path) => {
  const binary = read(path);
  const shared = shareMemory(binary);
  const changed = [...binary.keys()].filter((at) => binary[at] !== shared[at]);
  expect(changed.map((at) => [binary[at], shared[at]])).toEqual([[1, 3]]);
  expect(WebAssembly.validate(shared)).toBe(true);
});

it('kernels work on shared memory, and only when they declare it', async () => {
  const memory = new WebAssembly.Memory({ initial: 2, maximum: 65_536, shared: true });
  const binary = read(kernelsPath('kernels.wasm'));
  await expect(WebAssembly.instantiate(binary, { env: { memory } })).rejects.toThrow('shared');
  const { instance } = await WebAssembly.instantiate(shareMemory(binary), { env: { memory } });
  const values = new Float32Array(memory.buffer, 1024, 8).fill(2);
  (instance.exports.silu as (...numbers: number[]) => void)(1024, 1024, 8);
  expect(values[7]).toBeCloseTo(2 / (1 + Math.exp(-2)), 6);
});

it('a module without a memory is refused', () => {
  expect(() => shareMemory(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0))).toThrow('no memory');
});

it('outside of an isolated page there is one thread', async () => {
  expect(mayShareMemory()).toBe(false);
  const memory = new WebAssembly.Memory({ initial: 2, maximum: 65_536 });
  const module = await WebAssembly.compile(read(kernelsPath('kernels.wasm')));
  const threads = new WasmThreads({ separate: module }, memory, {}, 8);
  expect(threads.count).toBe(1);
  expect(threads.parts(1e6, 1e6)).toEqual([[0, 1e6]]);
});

it.each([
  [1, 1],
  [2, 1],
  [4, 4],
  [6, 4],
  [12, 6],
  [64, 8],
])('%i cores get %i threads', (cores, threads) => expect(threadsFor(cores)).toBe(threads));
