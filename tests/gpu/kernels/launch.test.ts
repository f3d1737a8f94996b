import { expect, it } from 'vitest';
import { memoryReport, trimPool } from '../../../src/tensor/memory.ts';
import { silu } from '../../../src/tensor/ops/activations.ts';
import { noiseDifference } from '../../../src/tensor/ops/noiseDifference.ts';
import { tf, type WebGPUBackend } from '../../../src/tensor/tf.ts';
import { countLaunches } from '../../../src/tensor/webgpu/counters.ts';
import { launch, u32 } from '../../../src/tensor/webgpu/launch.ts';
import { onBackends, randoms, take } from './harness.ts';

onBackends('launch', () => {
  it('counts our dispatches and those of tfjs', async () => {
    const noise = tf.tensor4d(randoms(1, 4 * 8 * 8 * 4), [4, 8, 8, 4]);
    const { result, count } = await countLaunches(() => {
      const parts = noiseDifference(noise, 2);
      return { ...parts, twice: tf.add(parts.guided, parts.guided) };
    });
    const half = 2 * 8 * 8 * 4 * 4;
    expect(count.own).toEqual({ dispatches: 1, bytesRead: 2 * half, bytesWritten: half + 8 });
    expect(count.dispatches).toBe(2);
    // tfjs binds the output and two inputs.
    expect(count.boundBytes).toBe(3 * half + 8 + 3 * half);
    tf.dispose([noise, result]);
  });

  it('refuses what the device cannot bind or dispatch', () => {
    const backend = tf.backend() as WebGPUBackend;
    const limit = backend.device.limits.maxStorageBufferBindingSize;
    const spec = { label: 'test', pieces: () => [], inputs: [], uniforms: [u32(0)] };
    expect(() => launch(backend, { ...spec, outputs: [[limit / 4 + 1]], groups: [1, 1, 1] })).toThrow(
      'binds at most',
    );
    expect(() => launch(backend, { ...spec, outputs: [[1]], groups: [1, 70_000, 1] })).toThrow(
      'would dispatch 1 x 70000 x 1 workgroups',
    );
  });

  it('reaches every element beyond 65,535 workgroups', async () => {
    const count = 65_536 * 64 * 4 + 4;
    const x = tf.fill([count], 1);
    const y = silu(x);
    const tail = await take(tf.slice(y, [count - 4], [4]));
    const lowest = await take(tf.min(y));
    // 1 / (1 + exp(-1))
    for (const value of [...tail, ...lowest]) expect(value).toBeCloseTo(0.7310585786, 6);
    tf.dispose([x, y]);
  });

  it('keeps results right while buffers are reused', async () => {
    let x = tf.tensor1d(randoms(1, 4096));
    const expected = randoms(1, 4096);
    for (let i = 0; i < 100; i++) {
      const y = tf.tidy(() => tf.mul(silu(x), 0));
      const next = tf.add(x, y) as typeof x;
      tf.dispose([x, y]);
      x = next;
    }
    expect(await take(x)).toEqual(expected);
  });

  it('gives free buffers back', async () => {
    tf.tidy(() => tf.zeros([1 << 20])).dispose();
    const x = tf.ones([1 << 20]);
    const y = tf.add(x, x);
    await y.data();
    tf.dispose([x, y]);
    const before = memoryReport().pooledBytes;
    const freed = trimPool();
    expect(freed).toBeGreaterThan(0);
    expect(memoryReport().pooledBytes).toBe(before - freed);
    const z = tf.tidy(() => tf.add(tf.scalar(1), tf.scalar(2)));
    expect((await take(z))[0]).toBe(3);
  });
}, ['webgpu']);
