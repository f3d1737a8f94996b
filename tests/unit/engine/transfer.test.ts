import { expect, test } from 'vitest';
import { transferables } from '../../../src/engine/transfer.ts';

test('byte arrays and pixels are moved, each buffer once', () => {
  const bytes = Uint8Array.of(1, 2);
  const rgba = new Uint8ClampedArray(8);
  const message = { kind: 'result', value: { bytes, again: bytes, images: [{ width: 1, rgba }] } };
  expect(transferables(message)).toEqual([bytes.buffer, rgba.buffer]);
});

test('numbers that may still be in use are copied', () => {
  const latent = new Float32Array(4);
  expect(transferables({ latent, list: [1, 2, 3], text: 'a', nothing: null, file: new Blob([]) })).toEqual(
    [],
  );
});

test('two views of one buffer move it once', () => {
  const buffer = new ArrayBuffer(8);
  expect(transferables([new Uint8Array(buffer, 0, 4), new Uint8Array(buffer, 4)])).toEqual([buffer]);
});
