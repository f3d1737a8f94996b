import { expect, test } from 'vitest';
import { hashOf } from './servers.ts';

test('hashes are those of the bytes', async () => {
  // printf abc | sha256sum
  expect(await hashOf(new TextEncoder().encode('abc') as Uint8Array<ArrayBuffer>)).toBe(
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  );
});
