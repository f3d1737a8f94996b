import { expect, test } from 'vitest';
import { timestepEmbedding } from '../../../src/models/unet/timestep.ts';
import { fromRgba, toByte } from '../../../src/models/vae/pixels.ts';

test('timesteps become cosines and sines of falling frequency', () => {
  const options = { flipSinToCos: true, freqShift: 0 };
  const embedding = timestepEmbedding([0, 981], 8, options);
  expect([...embedding.subarray(0, 8)]).toEqual([1, 1, 1, 1, 0, 0, 0, 0]);
  // exp(-ln(10000) i / (half - shift)), half = 4
  for (let i = 0; i < 4; i++) {
    const angle = 981 * 10000 ** (-i / 4);
    // Angles are formed in float32, as upstream: off by up to 6e-5 near t = 1000.
    expect(Math.abs((embedding[8 + i] as number) - Math.cos(angle))).toBeLessThan(1e-4);
    expect(Math.abs((embedding[12 + i] as number) - Math.sin(angle))).toBeLessThan(1e-4);
  }
  const other = timestepEmbedding([981], 8, { flipSinToCos: false, freqShift: 1 });
  expect(Math.abs((other[1] as number) - Math.sin(981 * 10000 ** (-1 / 3)))).toBeLessThan(1e-4);
});

test('pixels are clamped and rounded half to even', () => {
  const value = (byte: number): number => (byte / 255) * 2 - 1;
  expect([-3, -1, 0, 1, 3].map(toByte)).toEqual([0, 0, 128, 255, 255]); // 0 -> 127.5 -> 128
  expect(toByte(value(100) + 1e-4)).toBe(100);
  for (let byte = 0; byte < 256; byte++) expect(toByte(Math.fround(value(byte)))).toBe(byte);
});

test('images lose their alpha on the way in', () => {
  expect([...fromRgba(Uint8Array.of(0, 255, 51, 9))].map((x) => Math.round(x * 1e6) / 1e6)).toEqual([
    -1, 1, -0.6,
  ]);
});
