// Seeing and replacing attention maps, and other contexts for keys and values.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Denoiser, denoise } from '../../../src/diffusion/denoise.ts';
import type { AttentionHook, AttentionSite, ContextHook, NetworkHooks } from '../../../src/models/hooks.ts';
import { embedPrompt } from '../../../src/procedures/session.ts';
import { type Tensor3D, type Tensor4D, tf } from '../../../src/tensor/tf.ts';
import { onBackends, randoms, relativeError, take } from '../kernels/harness.ts';
import { type Bench, openBench } from '../training/bench.ts';

const TOKENS = 16;

onBackends('attention hooks', () => {
  let bench: Bench;
  let base: Denoiser;
  let zt: Tensor4D;
  let context: Tensor3D;
  let others: Tensor3D[];
  beforeAll(async () => {
    bench = await openBench();
    base = { unet: bench.model.unet, adapter: null };
    zt = tf.tensor4d(randoms(1, 512), [2, 8, 8, 4]);
    const twice = (text: string): Tensor3D => {
      const one = embedPrompt(bench.session, text);
      const rows = tf.tile(one, [2, 1, 1]);
      one.dispose();
      return rows;
    };
    context = twice('a red cat');
    others = ['a cat', 'red', 'the dog'].map(twice);
  });
  afterAll(() => {
    tf.dispose([zt, context, others]);
    bench.dispose();
  });

  const predict = (hooks: Omit<NetworkHooks, 'project'>): Promise<Float32Array> =>
    take(denoise(base, zt, 400, [context], { hooks }));
  const hook = (
    wants: AttentionHook['wants'],
    onAttention: (site: AttentionSite, probs: Tensor4D) => Tensor4D | null,
  ): AttentionHook => ({ wants, onAttention: (site, { probs }) => onAttention(site, probs) });

  it('captures the cross-attention maps of one resolution', async () => {
    const maps: { site: AttentionSite; probs: Tensor4D }[] = [];
    const attention = hook(
      ({ kind, resolution }) => kind === 'cross' && resolution[0] === 4,
      (site, probs) => {
        maps.push({ site, probs: tf.keep(probs) });
        return null;
      },
    );
    const watched = await predict({ attention });
    // Watched sites store their scores, the others never do: the arithmetic differs in its last bits.
    expect(relativeError(watched, await predict({}))).toBeLessThan(1e-5);
    expect(maps.map(({ site }) => site.name)).toEqual(
      [
        'down_blocks.1.attentions.0',
        'mid_block.attentions.0',
        'up_blocks.0.attentions.0',
        'up_blocks.0.attentions.1',
      ].map((path) => `${path}.transformer_blocks.0.attn2`),
    );
    for (const { site, probs } of maps) {
      expect(site).toMatchObject({ kind: 'cross', resolution: [4, 4], heads: 2 });
      expect(probs.shape).toEqual([2, 2, 16, TOKENS]);
      const values = await take(probs);
      for (let row = 0; row < values.length; row += TOKENS) {
        expect(values.subarray(row, row + TOKENS).reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 5);
      }
    }
  });

  it('sees self-attention with its query grid', () => {
    const sites: AttentionSite[] = [];
    const attention = hook(
      ({ kind }) => kind === 'self',
      (site, probs) => {
        sites.push(site);
        expect(probs.shape.slice(2)).toEqual([site.resolution[0] * site.resolution[1], probs.shape[2]]);
        return null;
      },
    );
    denoise(base, zt, 400, [context], { hooks: { attention } }).dispose();
    expect(sites.map((site) => site.resolution[0])).toEqual([8, 4, 4, 4, 4, 8, 8]);
  });

  it('replaces probabilities', async () => {
    const cross = ({ kind }: AttentionSite): boolean => kind === 'cross';
    const same = await predict({ attention: hook(cross, (_, probs) => probs.clone()) });
    expect(same).toEqual(await predict({ attention: hook(cross, () => null) }));
    // All attention on token 3 is attention to a context whose every value is that of token 3.
    const toToken3 = await predict({
      attention: hook(cross, (_, probs) =>
        tf.tidy(() => {
          const oneHot = tf.cast(tf.oneHot(tf.tensor1d([3], 'int32'), TOKENS), 'float32');
          return tf.add(tf.mul(probs, 0), tf.reshape(oneHot, [1, 1, 1, TOKENS])) as Tensor4D;
        }),
      ),
    });
    const third = tf.tidy(() => tf.tile(tf.slice(context, [0, 3, 0], [-1, 1, -1]), [1, TOKENS, 1]));
    const byValues = await predict({ context: () => ({ keys: [context], values: [third] }) });
    expect(relativeError(toToken3, byValues)).toBeLessThan(1e-5);
    third.dispose();
  });

  it('averages value contexts, which is attention to their mean', async () => {
    // Structured diffusion guidance: to_v is linear, so mean_i softmax(q k) v(W_i) = softmax(q k) v(mean_i W_i).
    const all = [context, ...others];
    const averaged = await predict({ context: () => ({ keys: [context], values: all }) });
    const mean = tf.tidy(() => tf.div(tf.addN(all), all.length) as Tensor3D);
    const ofMean = await predict({ context: () => ({ keys: [context], values: [mean] }) });
    expect(relativeError(averaged, ofMean)).toBeLessThan(1e-5);
    expect(relativeError(averaged, await predict({}))).toBeGreaterThan(1e-3);
    mean.dispose();
  });

  it('takes key contexts, extra tokens and the ordinary context where the hook has nothing to say', async () => {
    const [first, second] = others as [Tensor3D, Tensor3D];
    const pairs: ContextHook = () => ({ keys: [first, second], values: [context] });
    const swapped: ContextHook = () => ({ keys: [second, first], values: [context] });
    expect(
      relativeError(await predict({ context: swapped }), await predict({ context: pairs })),
    ).toBeLessThan(1e-5);
    const plain = await predict({});
    expect(await predict({ context: () => null })).toEqual(plain);
    expect(await predict({ context: () => ({ keys: [context], values: [context] }) })).toEqual(plain);
    const longer = tf.tidy(() =>
      tf.concat([tf.slice(first, [0, 0, 0], [-1, 4, -1]), context], 1),
    ) as Tensor3D;
    const extra = await predict({ context: () => ({ keys: [longer], values: [longer] }) });
    expect(relativeError(extra, plain)).toBeGreaterThan(1e-3);
    tf.dispose(longer);
  });

  it('asks for contexts at cross-attention only', () => {
    const sites: AttentionSite[] = [];
    const hooks = {
      context: (site: AttentionSite) => {
        sites.push(site);
        return null;
      },
    };
    denoise(base, zt, 400, [context], { hooks }).dispose();
    expect(sites).toHaveLength(7);
    expect(sites.every((site) => site.kind === 'cross')).toBe(true);
  });
});
