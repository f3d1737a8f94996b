import { expect, it } from 'vitest';
import { decodeInBands, encodeInBands } from '../../../src/models/vae/bands.ts';
import { decode, encode } from '../../../src/models/vae/run.ts';
import { paced, settle } from '../../../src/tensor/pace.ts';
import { tf } from '../../../src/tensor/tf.ts';
import { onBackends, randoms, relativeError, take } from '../kernels/harness.ts';
import { loadTiny } from './tinyModel.ts';

onBackends('decoding in bands', () => {
  // 5 does not divide 8 rows: the next smaller number that does is 4.
  it.each([1, 2, 5, 8])('gives the image of decoding in one piece, with %d bands', async (count) => {
    const model = await loadTiny();
    const before = tf.memory().numTensors;
    const latent = tf.tensor4d(randoms(1, 8 * 6 * 4 * 2), [2, 8, 6, 4]);
    const whole = decode(model.vae, latent);
    const inBands = await paced(decodeInBands(model.vae, latent, count), settle);
    expect(inBands.shape).toEqual(whole.shape);
    expect(relativeError(await take(inBands), await take(whole))).toBeLessThan(2e-5);
    latent.dispose();
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });

  it.each([1, 3, 4])('encodes an image as in one piece, with %d bands', async (count) => {
    const model = await loadTiny();
    const before = tf.memory().numTensors;
    const image = tf.tensor4d(randoms(2, 16 * 12 * 3), [1, 16, 12, 3]);
    const whole = encode(model.vae, image);
    const inBands = await paced(encodeInBands(model.vae, image, count), settle);
    expect(relativeError(await take(inBands.mean), await take(whole.mean))).toBeLessThan(2e-5);
    expect(relativeError(await take(inBands.logvar), await take(whole.logvar))).toBeLessThan(2e-5);
    image.dispose();
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });
});
