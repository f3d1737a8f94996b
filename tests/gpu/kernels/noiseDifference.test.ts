import { expect, it } from 'vitest';
import { noiseDifference } from '../../../src/tensor/ops/noiseDifference.ts';
import { referenceNoiseDifference } from '../../../src/tensor/reference/pointwise.ts';
import { tf } from '../../../src/tensor/tf.ts';
import { onBackends, randoms, relativeError, sizeOf, take } from './harness.ts';

onBackends('noiseDifference', () => {
  // The last three sizes are not divisible by 4.
  it.each([
    [1, 8, 8, 4],
    [8, 64, 64, 4],
    [3, 5, 7, 4],
    [1, 1, 1, 4],
    [3, 5, 7, 3],
    [1, 1, 1, 1],
    [2, 65, 1, 3],
  ])('guides and sums squares for %i samples of %ix%ix%i', async (samples, h, w, c) => {
    const values = randoms(1, sizeOf([2 * samples, h, w, c]));
    const noise = tf.tensor4d(values, [2 * samples, h, w, c]);
    const { guided, squaredDifference } = noiseDifference(noise, 7.5);
    const expected = referenceNoiseDifference(values, samples, 7.5);
    expect(guided.shape).toEqual([samples, h, w, c]);
    expect(squaredDifference.shape).toEqual([samples]);
    expect(relativeError(await take(guided), expected.guided)).toBeLessThan(1e-6);
    expect(relativeError(await take(squaredDifference), expected.squaredDifference)).toBeLessThan(1e-6);
    noise.dispose();
  });

  it('gives a sample the same bits whatever the batch', async () => {
    const [h, w, c] = [9, 7, 4];
    const values = randoms(2, 8 * h * w * c);
    const noise = tf.tensor4d(values, [8, h, w, c]);
    const batch = noiseDifference(noise, 3);
    const pair = tf.tidy(() => tf.concat([tf.slice(noise, [2], [1]), tf.slice(noise, [6], [1])]));
    const alone = noiseDifference(pair, 3);
    const all = await take(batch.squaredDifference);
    expect((await take(alone.squaredDifference))[0]).toBe(all[2]);
    const guided = await take(batch.guided);
    expect(await take(alone.guided)).toEqual(guided.slice(2 * h * w * c, 3 * h * w * c));
    tf.dispose([noise, pair]);
  });

  it('refuses half a pair', () => {
    const noise = tf.zeros([3, 2, 2, 4]);
    expect(() => noiseDifference(noise, 1)).toThrow('unconditional');
    noise.dispose();
  });
});
