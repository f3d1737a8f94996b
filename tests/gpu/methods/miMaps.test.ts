// MI maps: the loss against plain loops on odd grids, its gradient against central differences, the prompts it compares.

import { expect, it } from 'vitest';
import { comparedPrompts, moved, unfocused } from '../../../src/methods/code/miMaps.ts';
import { type Scalar, type Tensor, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import { onBackends, randoms, relativeError, take } from '../kernels/harness.ts';

type Shape = [number, number, number, number];

/** The definition in float64: squares over channels, reflected 3-tap kernel of both axes, largest share. */
function plain(a: ArrayLike<number>, b: ArrayLike<number>, [n, h, w, c]: Shape): number[] {
  const weights = [0.2119415576, 0.5761168848, 0.2119415576];
  const reflect = (j: number, size: number): number =>
    size === 1 ? 0 : j < 0 ? -j : j >= size ? 2 * (size - 1) - j : j;
  return Array.from({ length: n }, (_, row) => {
    const m = (y: number, x: number): number => {
      const at = ((row * h + reflect(y, h)) * w + reflect(x, w)) * c;
      return Array.from(
        { length: c },
        (__, k) => ((a[at + k] as number) - (b[at + k] as number)) ** 2,
      ).reduce((s, v) => s + v);
    };
    const smooth = Array.from({ length: h * w }, (__, p) => {
      const [y, x] = [Math.floor(p / w), p % w];
      let sum = 0;
      for (const dy of [-1, 0, 1])
        for (const dx of [-1, 0, 1])
          sum += (weights[dy + 1] as number) * (weights[dx + 1] as number) * m(y + dy, x + dx);
      return sum;
    });
    return 1 - Math.max(...smooth) / smooth.reduce((s, v) => s + v);
  });
}

onBackends('the loss of MI maps', () => {
  it.each([
    [1, 3, 5, 4],
    [2, 8, 8, 4],
    [1, 1, 7, 3],
  ] as Shape[])('is the definition on [%i, %i, %i, %i], and so is its gradient', async (...shape) => {
    const size = shape.reduce((s, x) => s * x);
    const [a, b] = [randoms(1, size), randoms(2, size)];
    const [x, y] = [tf.tensor4d(a, shape), tf.tensor4d(b, shape)];
    expect(relativeError(await take(unfocused(x, y)), plain(a, b, shape))).toBeLessThan(1e-5);
    const { value, grads } = tf.engine().gradients(() => tf.sum(unfocused(x, y)) as Scalar, [x] as Tensor[]);
    const gradient = await take(grads[0] as Tensor);
    const sum = (at: number, step: number): number => {
      const changed = Float64Array.from(a);
      changed[at] = (changed[at] as number) + step;
      return plain(changed, b, shape).reduce((s, v) => s + v);
    };
    const differences = Array.from(a, (_, at) => (sum(at, 1e-4) - sum(at, -1e-4)) / 2e-4);
    expect(relativeError(gradient, differences)).toBeLessThan(1e-3);
    tf.dispose([x, y, value]);
  });

  it('moves a latent by a share of its length, and not at all without a gradient', async () => {
    const zt = tf.tensor4d(randoms(3, 36), [1, 3, 3, 4]);
    const gradient = tf.tensor4d(randoms(4, 36), [1, 3, 3, 4]);
    const [from, to] = [await take(zt.clone()), await take(moved(zt, gradient, 0.25))];
    expect(Math.hypot(...to.map((v, i) => v - (from[i] as number))) / Math.hypot(...from)).toBeCloseTo(
      0.25,
      5,
    );
    const zero = tf.zerosLike(gradient) as Tensor4D;
    const still = await take(moved(zt, zero, 0.25));
    expect([...still]).toEqual([...from]);
    // Two equal predictions, as for a word that the model does not read.
    expect([...(await take(unfocused(zt, zt)))]).toEqual([1]);
    tf.dispose([zt, gradient, zero]);
  });
});

it('compares prompts with and without a word, occurrence by occurrence', () => {
  expect(comparedPrompts('A cat and a cat', ['cat', 'cat', 'dog'], 'rest')).toEqual([
    ['A cat and a cat', 'A and a cat'],
    ['A cat and a cat', 'A cat and a'],
  ]);
  expect(comparedPrompts('cats and a cat', ['cat'], 'rest')).toEqual([['cats and a cat', 'cats and a']]);
  expect(comparedPrompts('a red cube', ['cube'], 'nothing')).toEqual([['cube', '']]);
});
