import { expect, it } from 'vitest';
import { attention, attentionMix, attentionProbs } from '../../../src/tensor/ops/attention.ts';
import {
  type ReferenceAttention,
  referenceAttention,
  referenceAttentionProbs,
} from '../../../src/tensor/reference/attention.ts';
import { type Tensor, type Tensor3D, tf } from '../../../src/tensor/tf.ts';
import { expectGradients, onBackends, randoms, relativeError, take } from './harness.ts';

const cases: ReferenceAttention[] = [
  { batch: 2, queries: 64, keys: 24, width: 64, heads: 2, causal: false },
  { batch: 1, queries: 50, keys: 9, width: 32, heads: 4, causal: false },
  { batch: 3, queries: 65, keys: 65, width: 40, heads: 1, causal: true },
  { batch: 2, queries: 1, keys: 3, width: 4, heads: 1, causal: false },
  { batch: 1, queries: 77, keys: 77, width: 128, heads: 2, causal: true },
  { batch: 1, queries: 5, keys: 7, width: 160, heads: 1, causal: false },
  { batch: 2, queries: 5, keys: 7, width: 6, heads: 2, causal: false },
  { batch: 1, queries: 3, keys: 3, width: 10, heads: 2, causal: true },
  { batch: 1, queries: 9, keys: 9, width: 192, heads: 1, causal: false },
];

/** For the tiled form, which runs by default only for heads wider than 160: more than a tile, not a multiple of one. */
const tiledCase: ReferenceAttention = { batch: 2, queries: 65, keys: 65, width: 80, heads: 2, causal: true };

const name = (g: ReferenceAttention): string =>
  `${g.batch}x${g.queries}x${g.keys}, ${g.heads} heads of ${g.width / g.heads}${g.causal ? ', causal' : ''}`;

const values = (g: ReferenceAttention) => ({
  q: randoms(1, g.batch * g.queries * g.width, 1.5),
  k: randoms(2, g.batch * g.keys * g.width, 1.5),
  v: randoms(3, g.batch * g.keys * g.width),
});

const inputs = (g: ReferenceAttention): { values: Float32Array; shape: [number, number, number] }[] => {
  const { q, k, v } = values(g);
  return [
    { values: q, shape: [g.batch, g.queries, g.width] },
    { values: k, shape: [g.batch, g.keys, g.width] },
    { values: v, shape: [g.batch, g.keys, g.width] },
  ];
};

const tensors = (g: ReferenceAttention): [Tensor3D, Tensor3D, Tensor3D] =>
  inputs(g).map((input) => tf.tensor(input.values, [...input.shape])) as [Tensor3D, Tensor3D, Tensor3D];

onBackends('attention', () => {
  it.each(cases.map((g) => [name(g), g] as const))('attends %s', async (_, g) => {
    const [q, k, v] = tensors(g);
    const expected = referenceAttention(values(g).q, values(g).k, values(g).v, g);
    expect(relativeError(await take(attention(q, k, v, g)), expected)).toBeLessThan(5e-6);
    tf.dispose([q, k, v]);
  });

  it.each(cases.map((g) => [name(g), g] as const))('has gradients for %s', async (_, g) => {
    await expectGradients({
      op: (q, k, v) => attention(q as Tensor3D, k as Tensor3D, v as Tensor3D, g),
      reference: (q, k, v) => referenceAttention(q as Float64Array, k as Float64Array, v as Float64Array, g),
      inputs: inputs(g),
      tolerance: 2e-5,
    });
  });

  it.each(cases.map((g) => [name(g), g] as const))('gives probabilities to hooks for %s', async (_, g) => {
    const [q, k, v] = tensors(g);
    const probs = attentionProbs(q, k, g);
    expect(probs.shape).toEqual([g.batch, g.heads, g.queries, g.keys]);
    const mixed = attentionMix(probs, v);
    const expected = referenceAttentionProbs(values(g).q, values(g).k, g);
    expect(relativeError(await take(probs), expected)).toBeLessThan(5e-6);
    const whole = referenceAttention(values(g).q, values(g).k, values(g).v, g);
    expect(relativeError(await take(mixed), whole)).toBeLessThan(5e-6);
    tf.dispose([q, k, v]);
  });

  it('differentiates through the probabilities', async () => {
    const g = { batch: 2, queries: 6, keys: 5, width: 8, heads: 2, causal: false };
    await expectGradients({
      op: (q, k, v) => attentionMix(attentionProbs(q as Tensor3D, k as Tensor3D, g), v as Tensor3D),
      reference: (q, k, v) => referenceAttention(q as Float64Array, k as Float64Array, v as Float64Array, g),
      inputs: inputs(g),
      tolerance: 2e-5,
    });
  });

  it('gives a sample the same bits whatever the batch', async () => {
    const g = { batch: 4, queries: 33, keys: 24, width: 64, heads: 2, causal: false };
    const all = tensors(g);
    const one = all.map((x) => tf.slice(x, [2], [1])) as typeof all;
    const size = g.queries * g.width;
    const batch = await take(attention(...all, g));
    expect(await take(attention(...one, g))).toEqual(batch.slice(2 * size, 3 * size));
    const gradients = tf.grads((q: Tensor, k: Tensor, v: Tensor) =>
      attention(q as Tensor3D, k as Tensor3D, v as Tensor3D, g),
    );
    const dy = tf.tensor(randoms(9, 4 * size), [4, g.queries, g.width]);
    const dyOne = tf.slice(dy, [2], [1]);
    const fromAll = gradients(all, dy);
    const fromOne = gradients(one, dyOne);
    for (const [i, gradient] of fromOne.entries()) {
      const whole = await take(fromAll[i] as Tensor);
      expect(await take(gradient)).toEqual(whole.slice(2 * gradient.size, 3 * gradient.size));
    }
    tf.dispose([all, one, dy, dyOne]);
  });
});

onBackends(
  'attention, tiled,',
  () => {
    it(`attends ${name(tiledCase)}, with gradients`, async () => {
      const [q, k, v] = tensors(tiledCase);
      const expected = referenceAttention(
        values(tiledCase).q,
        values(tiledCase).k,
        values(tiledCase).v,
        tiledCase,
      );
      expect(relativeError(await take(attention(q, k, v, tiledCase)), expected)).toBeLessThan(5e-6);
      tf.dispose([q, k, v]);
      await expectGradients({
        op: (q, k, v) => attention(q as Tensor3D, k as Tensor3D, v as Tensor3D, tiledCase),
        reference: (q, k, v) =>
          referenceAttention(q as Float64Array, k as Float64Array, v as Float64Array, tiledCase),
        inputs: inputs(tiledCase),
        tolerance: 2e-5,
      });
    });
  },
  ['webgpu'],
  'workgroup',
);

onBackends(
  'attention, tiled with subgroups,',
  () => {
    it.each([
      { batch: 2, queries: 1, keys: 1, width: 8, heads: 2, causal: false },
      { batch: 1, queries: 3, keys: 65, width: 12, heads: 1, causal: false },
      { batch: 2, queries: 65, keys: 31, width: 40, heads: 2, causal: false },
      { batch: 1, queries: 33, keys: 33, width: 16, heads: 2, causal: true },
      { batch: 1, queries: 35, keys: 67, width: 512, heads: 1, causal: false },
    ])('attends $queries queries to $keys keys, heads of $width, causal $causal', async (g) => {
      const [q, k, v] = tensors(g);
      const expected = referenceAttention(values(g).q, values(g).k, values(g).v, g);
      expect(relativeError(await take(attention(q, k, v, g)), expected)).toBeLessThan(5e-6);
      tf.dispose([q, k, v]);
    });

    it('has the gradients that go with it', async () => {
      await expectGradients({
        op: (q, k, v) => attention(q as Tensor3D, k as Tensor3D, v as Tensor3D, tiledCase),
        reference: (q, k, v) =>
          referenceAttention(q as Float64Array, k as Float64Array, v as Float64Array, tiledCase),
        inputs: inputs(tiledCase),
        tolerance: 2e-5,
      });
    });

    it('gives a sample the same bits in any batch', async () => {
      const g = { batch: 3, queries: 37, keys: 70, width: 24, heads: 2, causal: false };
      const all = tensors(g);
      const one = all.map((x) => tf.slice(x, [1], [1])) as [Tensor3D, Tensor3D, Tensor3D];
      const whole = await take(attention(...all, g));
      const size = g.queries * g.width;
      expect(await take(attention(...one, g))).toEqual(whole.slice(size, 2 * size));
      tf.dispose([...all, ...one]);
    });
  },
  ['webgpu'],
  'subgroups',
);

// The decoder of Stable Diffusion has one head of 512.
onBackends('attention of a wide head', () => {
  it('attends 35 queries to 67 keys', async () => {
    const g = { batch: 1, queries: 35, keys: 67, width: 512, heads: 1, causal: false };
    const [q, k, v] = tensors(g);
    const expected = referenceAttention(values(g).q, values(g).k, values(g).v, g);
    expect(relativeError(await take(attention(q, k, v, g)), expected)).toBeLessThan(5e-6);
    tf.dispose([q, k, v]);
  });

  it('has the gradients of all three', async () => {
    const g = { batch: 1, queries: 5, keys: 35, width: 512, heads: 1, causal: false };
    await expectGradients({
      op: (q, k, v) => attention(q as Tensor3D, k as Tensor3D, v as Tensor3D, g),
      reference: (q, k, v) => referenceAttention(q as Float64Array, k as Float64Array, v as Float64Array, g),
      inputs: inputs(g),
      tolerance: 2e-5,
    });
  });
}, ['webgpu']);
