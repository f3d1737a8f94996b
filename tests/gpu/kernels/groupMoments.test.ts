import { expect, it } from 'vitest';
import { groupMoments } from '../../../src/tensor/ops/groupMoments.ts';
import { referenceGroupMoments } from '../../../src/tensor/reference/layers.ts';
import { tf } from '../../../src/tensor/tf.ts';
import { onBackends, randoms, relativeError, sizeOf, take } from './harness.ts';

onBackends('group moments', () => {
  it.each([
    { shape: [1, 1, 1, 1], groups: 1 },
    { shape: [2, 3, 5, 12], groups: 3 },
    { shape: [1, 65, 33, 8], groups: 4 },
    { shape: [3, 8, 8, 64], groups: 32 },
  ] as const)('are those of $shape in $groups groups', async ({ shape, groups }) => {
    const [n, h, w, c] = shape;
    // A mean well above the spread, where squares taken about zero would lose digits.
    const values = randoms(1, sizeOf(shape)).map((value) => value + 20);
    const expected = referenceGroupMoments(values, [n, h * w, c], groups);
    const x = tf.tensor4d(values, [...shape]);
    const { mean, squares } = groupMoments(x, groups);
    expect([mean.shape, squares.shape]).toEqual([
      [n, groups],
      [n, groups],
    ]);
    expect(relativeError(await take(mean), expected.mean)).toBeLessThan(1e-6);
    if (h * w * c > 1) expect(relativeError(await take(squares), expected.squares)).toBeLessThan(1e-5);
    tf.dispose([x, squares]);
  });
});
