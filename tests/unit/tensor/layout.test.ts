import { expect, it } from 'vitest';
import { convFromCheckpoint, linearFromCheckpoint } from '../../../src/tensor/layout.ts';

it('turns [out, in] into [in, out]', () => {
  // numpy: np.arange(6).reshape(2, 3).T.ravel()
  expect([...linearFromCheckpoint(Float32Array.of(0, 1, 2, 3, 4, 5), [2, 3])]).toEqual([0, 3, 1, 4, 2, 5]);
});

it('turns [Cout, Cin, kh, kw] into [kh, kw, Cin, Cout], on half bits too', () => {
  const values = Array.from({ length: 24 }, (_, i) => i);
  // numpy: np.arange(24).reshape(2, 3, 1, 4).transpose(2, 3, 1, 0).ravel()
  const expected = [0, 12, 4, 16, 8, 20, 1, 13, 5, 17, 9, 21, 2, 14, 6, 18, 10, 22, 3, 15, 7, 19, 11, 23];
  expect([...convFromCheckpoint(Float32Array.from(values), [2, 3, 1, 4])]).toEqual(expected);
  const halves = convFromCheckpoint(Uint16Array.from(values), [2, 3, 1, 4]);
  expect(halves).toBeInstanceOf(Uint16Array);
  expect([...halves]).toEqual(expected);
});
