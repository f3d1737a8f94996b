import { describe, expect, test } from 'vitest';
import { type Sample, sampleNoise, stepBatches } from '../../../src/training/batches.ts';

const T = 1000;
const sizes = (batches: readonly (readonly Sample[])[]): number[] => batches.map((b) => b.length);
const items = (batches: readonly (readonly Sample[])[]): number[] => batches.flat().map((s) => s.item);

describe('batches that run across epochs', () => {
  const options = { batch: 4, accumulation: 2, flushAtEpochEnd: false };
  const step = (n: number, size = 10, seed = 1) => stepBatches(options, size, n, seed, T);

  test('are always full', () => {
    for (let n = 0; n < 6; n++) expect(sizes(step(n))).toEqual([4, 4]);
    expect(sizes(step(0, 3))).toEqual([4, 4]);
  });

  test('show each image once per epoch, in another order each time', () => {
    const seen = Array.from({ length: 5 }, (_, n) => items(step(n))).flat(); // 40 = 4 epochs of 10
    const epochs = [0, 1, 2, 3].map((e) => seen.slice(10 * e, 10 * e + 10));
    for (const epoch of epochs)
      expect(epoch.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(new Set(epochs.map((e) => e.join())).size).toBe(4);
  });

  test('follow from seed and step alone', () => {
    expect(step(3)).toEqual(step(3));
    expect(step(3, 10, 2)).not.toEqual(step(3));
    const serials = [0, 1, 2].flatMap((n) =>
      step(n)
        .flat()
        .map((s) => s.serial),
    );
    expect(serials).toEqual(Array.from({ length: 24 }, (_, i) => i));
  });

  test('draw timesteps uniformly from 0 to T - 1', () => {
    const ts = Array.from({ length: 500 }, (_, n) =>
      step(n)
        .flat()
        .map((s) => s.t),
    ).flat();
    expect(ts.every((t) => Number.isInteger(t) && t >= 0 && t < T)).toBe(true);
    const mean = ts.reduce((a, b) => a + b, 0) / ts.length;
    // Standard error of the mean of 4000 uniform numbers: 1000 / sqrt(12 * 4000) = 4.6.
    expect(Math.abs(mean - 499.5)).toBeLessThan(4 * 4.6);
  });
});

describe('batches that end with the epoch', () => {
  // The official script: 700 images, batch 8, accumulation 50; 88 micro-batches per epoch, the last one of 4.
  const options = { batch: 8, accumulation: 50, flushAtEpochEnd: true };
  const step = (n: number) => stepBatches(options, 700, n, 1, T);

  test('make two steps per epoch, of 50 and 38 micro-batches', () => {
    expect(sizes(step(0))).toEqual(new Array(50).fill(8));
    expect(sizes(step(1))).toEqual([...new Array(37).fill(8), 4]);
    expect(sizes(step(2))).toEqual(sizes(step(0)));
    expect(sizes(step(3))).toEqual(sizes(step(1)));
    // 300 updates are 150 epochs of 350 images on average.
    expect((items(step(0)).length + items(step(1)).length) / 2).toBe(350);
  });

  test('show each image once per epoch', () => {
    for (const epoch of [0, 1]) {
      const seen = [...items(step(2 * epoch)), ...items(step(2 * epoch + 1))];
      expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 700 }, (_, i) => i));
    }
    expect(items(step(0))).not.toEqual(items(step(2)));
  });

  test('never draw a noise twice', () => {
    const serials = [0, 1, 2, 3].flatMap((n) =>
      step(n)
        .flat()
        .map((s) => s.serial),
    );
    expect(new Set(serials).size).toBe(1400);
  });

  test('of a small set are one short batch', () => {
    expect(sizes(stepBatches(options, 3, 5, 1, T))).toEqual([3]);
  });
});

test('noise follows from the seed and the running number', () => {
  const noise = sampleNoise(1, 2, 1000);
  expect(sampleNoise(1, 2, 10)).toEqual(noise.slice(0, 10));
  expect(sampleNoise(1, 3, 10)).not.toEqual(noise.slice(0, 10));
  expect(sampleNoise(2, 2, 10)).not.toEqual(noise.slice(0, 10));
  const variance = noise.reduce((sum, x) => sum + x * x, 0) / 1000;
  expect(Math.abs(variance - 1)).toBeLessThan(4 * Math.sqrt(2 / 1000));
});
