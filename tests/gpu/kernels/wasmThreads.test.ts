// Threads of the wasm kernels: the same bits as one thread alone, for every op that is shared among them.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../../src/tensor/device.ts';
import { geglu, silu } from '../../../src/tensor/ops/activations.ts';
import { attention } from '../../../src/tensor/ops/attention.ts';
import { conv2d } from '../../../src/tensor/ops/conv2d.ts';
import { groupNorm } from '../../../src/tensor/ops/groupNorm.ts';
import { layerNorm } from '../../../src/tensor/ops/layerNorm.ts';
import { linear } from '../../../src/tensor/ops/linear.ts';
import { type BackendWasm, type Tensor, type Tensor3D, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import { wasmKernels } from '../../../src/tensor/wasm/kernels.ts';
import { jobName } from '../../../src/tensor/wasm/threadProtocol.ts';
import { disposeWeight, makeWeight, type Weight } from '../../../src/tensor/weights.ts';
import { randoms, sizeOf, take, wasmPaths } from './harness.ts';

const THREADS = 3;
const SHAPE = [5, 14, 14, 32] as const;
const TOKENS = [5, 196, 32] as const;

const weights: Weight[] = [];
function weight(...shape: number[]): Weight {
  const made = makeWeight(randoms(sizeOf(shape), sizeOf(shape), 0.1), shape, 'f32', 'w');
  weights.push(made);
  return made;
}

async function openWith(threads: number): Promise<void> {
  await openBackend('wasm', { wasmPaths, threads });
}

beforeAll(() => openWith(THREADS));
afterAll(async () => {
  for (const made of weights) disposeWeight(made);
  await openBackend('wasm', { wasmPaths });
});

const image = (x: Tensor) => x as Tensor4D;
const tokens = (x: Tensor) => tf.reshape(x, [...TOKENS]) as Tensor3D;
const ones = () => tf.ones([32]);
const ops: Record<string, () => (x: Tensor) => Tensor> = {
  'a linear layer': () => {
    const w = weight(32, 96);
    return (x) => linear(tokens(x), w, null);
  },
  "a convolution by Winograd's way": () => {
    const w = weight(3, 3, 32, 48);
    return (x) => conv2d(image(x), w, null);
  },
  'a convolution of stride 2': () => {
    const w = weight(3, 3, 32, 40);
    return (x) => conv2d(image(x), w, null, { stride: 2 });
  },
  attention: () => (x) => attention(tokens(x), tokens(x), tokens(x), { heads: 2, causal: false }),
  'group normalization': () => (x) => groupNorm(x, ones(), ones(), { groups: 8, eps: 1e-5, silu: true }),
  'layer normalization': () => (x) => layerNorm(tokens(x), ones(), ones(), 1e-5),
  SiLU: () => (x) => silu(x),
  GEGLU: () => (x) => geglu(tokens(x)),
};

it('samples that are equal to the one before give equal results, which are those of each alone', async () => {
  const w = weight(32, 40);
  const [a, b] = [randoms(1, 12 * 32), randoms(2, 12 * 32)];
  const rows = [a, a, b, b, a];
  const all = tf.tensor3d(
    rows.flatMap((row) => [...row]),
    [5, 12, 32],
  );
  const together = await take(linear(all, w, null));
  const alone: number[] = [];
  for (const row of rows) {
    const one = tf.tensor3d(row, [1, 12, 32]);
    alone.push(...(await take(linear(one, w, null))));
    one.dispose();
  }
  all.dispose();
  expect(together).toEqual(Float32Array.from(alone));
});

describe('threads', () => {
  it('are there on an isolated page', () => {
    expect(crossOriginIsolated).toBe(true);
    const { threads } = wasmKernels(tf.backend() as BackendWasm, 'separate');
    expect(threads.count).toBe(THREADS);
    expect(threads.parts(1000, 1e4, 4).length).toBe(2 * THREADS);
  });

  it.each(Object.entries(ops))('give the bits of one for %s and its gradient', async (_, prepare) => {
    const op = prepare();
    const x = tf.tensor(randoms(7, sizeOf(SHAPE)), [...SHAPE]);
    const run = async (): Promise<Float32Array[]> => {
      const y = tf.tidy(() => op(x));
      const dx = tf.tidy(() => tf.grad(op)(x, tf.tensor(randoms(8, y.size), y.shape)));
      return [await take(y), await take(dx)];
    };
    const shared = [await run(), await run(), await run()];
    await openWith(1);
    const alone = await run();
    await openWith(THREADS);
    for (const result of shared) expect(result).toEqual(alone);
    x.dispose();
  });

  it('that fail are told of', () => {
    const { threads } = wasmKernels(tf.backend() as BackendWasm, 'separate');
    const nowhere = Array.from({ length: 2 * THREADS }, () => [2 ** 32 - 64, 2 ** 32 - 64, 4096]);
    const silu = jobName('separate', 'silu');
    expect(() => threads.run(silu, nowhere)).toThrow();
    const start = 65_536;
    expect(() =>
      threads.run(silu, [
        [start, start, 0],
        [start, start, 0],
      ]),
    ).not.toThrow();
  });
});
