import { expect, it } from 'vitest';
import { measureSpeeds } from '../../../src/tensor/speed/measureSpeeds.ts';
import { kernelOps } from '../../../src/tensor/webgpu/variantState.ts';
import { onBackends } from './harness.ts';

onBackends('the start-up timing of kernels', (name) => {
  it('gives rates that are numbers, and frees what it made', async () => {
    const { launchSeconds, bytesPerSecond, ops } = await measureSpeeds();
    const timed = Object.values(ops).flat();
    for (const value of [
      launchSeconds,
      bytesPerSecond,
      ...timed.flatMap((t) => [t.multiplyAdds, t.seconds]),
    ]) {
      expect(value).toBeGreaterThan(0);
      expect(value).toBeLessThan(Number.POSITIVE_INFINITY);
    }
    // A launch is no work, and products have a rate whatever else there was no time for.
    expect(launchSeconds).toBeLessThan(0.1);
    expect(kernelOps.filter((op) => op in ops)).toEqual(
      expect.arrayContaining(['linear', 'linear_gradient']),
    );
    const [linear] = ops.linear ?? [];
    expect(linear?.multiplyAdds).toBe(2 * 64 * 128 * 128);
    // Slower than a calculator, or faster than any machine: then the clock was misread.
    const rate = (linear?.multiplyAdds ?? 0) / (linear?.seconds ?? 1);
    expect(rate).toBeGreaterThan(name === 'wasm' ? 1e8 : 1e6);
    expect(rate).toBeLessThan(1e15);
  });
});
