// Beyond what one dimension of a dispatch (65,535 workgroups) and a default binding (128 MiB) take. Where stock kernels
// go wrong, they do so at the end of a tensor: there, every result has to be that of the end alone, whose rightness the
// other tests show on small sizes.

import { expect, it } from 'vitest';
import { trimPool } from '../../../src/tensor/memory.ts';
import { geglu, gelu } from '../../../src/tensor/ops/activations.ts';
import { adamWStep } from '../../../src/tensor/ops/adamW.ts';
import { attention, attentionProbs } from '../../../src/tensor/ops/attention.ts';
import { conv2d } from '../../../src/tensor/ops/conv2d.ts';
import { doraEpilogue } from '../../../src/tensor/ops/dora.ts';
import { groupNorm } from '../../../src/tensor/ops/groupNorm.ts';
import { layerNorm } from '../../../src/tensor/ops/layerNorm.ts';
import { linear } from '../../../src/tensor/ops/linear.ts';
import { linearCombination } from '../../../src/tensor/ops/linearCombination.ts';
import { noiseDifference } from '../../../src/tensor/ops/noiseDifference.ts';
import { concatChannels, upsampleNearest } from '../../../src/tensor/ops/shape.ts';
import { type Tensor, type Tensor1D, type Tensor3D, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import { disposeWeight, makeWeight } from '../../../src/tensor/weights.ts';
import { onBackends, randoms, relativeError, take } from './harness.ts';

/** Workgroups beyond the limit, times the 64 threads that most of them have. */
const threads = 65_536 * 64;

type Shape = readonly [rows: number, ...row: number[]];

/** Values that repeat, so that the end of a tensor can be made alone: element i is (i mod 89 - 44) / 32. */
function pattern([rows, ...row]: Shape, firstRow = 0): Tensor {
  const size = row.reduce((product, length) => product * length, 1);
  const first = firstRow * size;
  const values = Float32Array.from({ length: rows * size }, (_, i) => (((first + i) % 89) - 44) / 32);
  return tf.tensor(values, [rows, ...row]);
}

const tailRows = 3;

/** Runs an op whose rows do not depend on each other on a whole tensor and on its last rows. */
async function expectSameEnd([rows, ...row]: Shape, op: (x: Tensor) => Tensor): Promise<void> {
  const x = pattern([rows, ...row]);
  const y = op(x);
  x.dispose();
  const end = tf.slice(y, [rows - tailRows], [tailRows]);
  y.dispose();
  const alone = pattern([tailRows, ...row], rows - tailRows);
  const expected = op(alone);
  alone.dispose();
  expect(relativeError(await take(end), await take(expected))).toBeLessThan(1e-6);
  trimPool(); // hundreds of megabytes per op
}

onBackends('beyond the limits', () => {
  it('elementwise', async () => {
    await expectSameEnd([threads + 5, 1], (x) => gelu(x, 'erf'));
    await expectSameEnd([threads + 5, 1], (x) =>
      tf.tidy(() =>
        linearCombination([
          [2, x],
          [-1, gelu(x, 'quick')],
        ]),
      ),
    );
    await expectSameEnd([threads + 5, 2], (x) => geglu(x));
  });

  it('stock addition, joined channels and enlarged images', async () => {
    await expectSameEnd([4 * threads + 4, 1], (x) => tf.add(x, x));
    const images = (x: Tensor): Tensor4D => tf.reshape(x, [x.shape[0], 1, 1, 1]);
    await expectSameEnd([threads + 5, 1], (x) => tf.tidy(() => concatChannels([images(x), images(x)])));
    await expectSameEnd([threads / 4 + 5, 1], (x) => tf.tidy(() => upsampleNearest(images(x), [2, 2])));
  });

  it('layer norm and group norm', async () => {
    const [gamma, beta] = [tf.tensor1d([1, 2, 3, 4]), tf.tensor1d([4, 3, 2, 1])];
    await expectSameEnd([threads + 5, 4], (x) => layerNorm(x, gamma, beta, 1e-5));
    const options = { groups: 1, eps: 1e-5, silu: true };
    await expectSameEnd([65_536 + 5, 1, 1, 4], (x) => groupNorm(x, gamma, beta, options));
    tf.dispose([gamma, beta]);
  });

  it('queries of attention, with and without stored scores', async () => {
    const k = pattern([1, 3, 4]) as Tensor3D;
    const heads = { heads: 1, causal: false };
    const queries = (x: Tensor): Tensor3D => tf.reshape(x, [1, x.shape[0], 4]);
    await expectSameEnd([threads + 5, 4], (x) =>
      tf.tidy(() => tf.reshape(attention(queries(x), k, k, heads), [-1, 4])),
    );
    // The stock softmax spoils the last of so many rows.
    await expectSameEnd([70_001, 4], (x) =>
      tf.tidy(() => tf.reshape(attentionProbs(queries(x), k, heads), [-1, 3])),
    );
    k.dispose();
  });

  it('rows of linear layers and pixels of convolutions, into 268 MB', async () => {
    const weight = makeWeight(randoms(1, 4 * 32), [4, 32], 'f16', 'w');
    const filter = makeWeight(randoms(1, 4 * 32), [1, 1, 4, 32], 'f16', 'w');
    const rows = 65_536 * 32 + 5;
    await expectSameEnd([rows, 4], (x) => linear(x, weight, null));
    await expectSameEnd([rows, 4], (x) =>
      tf.tidy(() => tf.reshape(conv2d(tf.reshape(x, [1, 1, x.shape[0], 4]), filter, null), [-1, 32])),
    );
    disposeWeight(weight);
    disposeWeight(filter);
  });

  it('samples of the noise difference', async () => {
    const samples = 65_536 + 5;
    const noise = pattern([2 * samples, 1, 1, 4]);
    const { guided, squaredDifference } = noiseDifference(noise, 2);
    const halves = [samples - tailRows, 2 * samples - tailRows].map((row) =>
      pattern([tailRows, 1, 1, 4], row),
    );
    const end = tf.concat(halves, 0);
    const alone = noiseDifference(end, 2);
    const last = await take(tf.slice(guided, [samples - tailRows], [tailRows]));
    expect(last).toEqual(await take(alone.guided));
    const lastSquares = await take(tf.slice(squaredDifference, [samples - tailRows], [tailRows]));
    expect(lastSquares).toEqual(await take(alone.squaredDifference));
    tf.dispose([noise, guided, squaredDifference, end, ...halves]);
  });

  it('AdamW and the end of a DoRA layer', async () => {
    const factor = tf.scalar(0.5);
    const options = { factor, step: 1, lr: 0.1, beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: 0.01 };
    await expectSameEnd([threads + 5, 1], (x) => {
      const zeros = [tf.zerosLike(x), tf.zerosLike(x)] as [Tensor, Tensor];
      const { params, m, v } = adamWStep([x], [x], [zeros[0]], [zeros[1]], options);
      tf.dispose([m, v, zeros]);
      return params[0] as Tensor;
    });
    factor.dispose();
    const [magnitude, norm] = [tf.tensor1d([2]), tf.tensor1d([3])] as [Tensor1D, Tensor1D];
    await expectSameEnd([threads + 5, 1], (x) => doraEpilogue(x, x, magnitude, norm, null));
    tf.dispose([magnitude, norm]);
  });
}, ['webgpu']);
