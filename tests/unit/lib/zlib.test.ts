import { deflateSync, inflateSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { deflate, inflate } from '../../../src/lib/zlib.ts';

const data = Uint8Array.from({ length: 10_000 }, (_, i) => (i * i) >> 7);

it('exchanges zlib streams with zlib itself', async () => {
  expect(new Uint8Array(inflateSync(await deflate(data)))).toEqual(data);
  expect(await inflate(new Uint8Array(deflateSync(data)), data.length)).toEqual(data);
});

it('stops at the limit instead of filling the memory', async () => {
  const bomb = new Uint8Array(deflateSync(new Uint8Array(5_000_000))); // 5 KB
  await expect(inflate(bomb, 1000)).rejects.toThrow('more than 1000 bytes');
});

it('rejects damaged and truncated streams', async () => {
  const packed = new Uint8Array(deflateSync(data));
  await expect(inflate(packed.slice(0, -9), data.length)).rejects.toThrow();
  await expect(inflate(Uint8Array.of(1, 2, 3), 9)).rejects.toThrow();
});
