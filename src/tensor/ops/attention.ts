/** Scaled dot-product attention over heads, whole and in two halves for hooks that look at the probabilities. */

import {
  type AttentionOptions,
  composeMix,
  composeMixGradient,
  composeProbs,
  composeProbsGradient,
} from '../composed/attention.ts';
import type { Tensor, Tensor3D, Tensor4D, TensorInfo } from '../tf.ts';
import type { Heap } from '../wasm/heap.ts';
import { attentionFits, launchAttention, launchAttentionGradient } from '../webgpu/attention.ts';
import { defineOp, only } from './define.ts';

/**
 * Second output: what the gradient needs besides q, k, v and o. The probabilities in the composed form, the logarithm of
 * each softmax denominator [N,heads,Lq] in ours.
 */
const runAttention = defineOp<'q' | 'k' | 'v', AttentionOptions>({
  name: 'StudioAttention',
  composed: (compose, { q, k, v }, options) => {
    const probs = composeProbs(compose, q, k, options);
    return [composeMix(compose, probs, v), probs];
  },
  webgpu: (backend, inputs, options) =>
    attentionFits(inputs.q, options.heads) ? launchAttention(backend, inputs, options) : null,
  wasm: (heap, { q, k, v }, { heads, causal }) => {
    const s = attentionSizes(q, k, heads);
    const o = heap.allocate(q.shape);
    const probs = heap.allocate([s.batch, heads, s.queries, s.keys]);
    const addresses = [q, k, v, o, probs].map((tensor) => heap.address(tensor));
    const sizes = [heads, s.queries, s.keys, s.width, causal ? 1 : 0];
    const calls = attentionParts(heap, s, 3).map((part) => [...addresses, ...part, ...sizes]);
    heap.call('attend', calls, attentionScratch(heap, s));
    return [o, probs];
  },
  gradient: {
    save: ['q', 'k', 'v'],
    saveOutputs: [true, true],
    run: ([dy], saved, options) => {
      const [q, k, v, o, state] = saved as [Tensor, Tensor, Tensor, Tensor, Tensor];
      const [dq, dk, dv] = runAttentionGradient({ q, k, v, o, state, dy: dy as Tensor }, options) as [
        Tensor,
        Tensor,
        Tensor,
      ];
      return { q: () => dq, k: () => dk, v: () => dv };
    },
  },
});

const runAttentionGradient = defineOp<'q' | 'k' | 'v' | 'o' | 'state' | 'dy', AttentionOptions>({
  name: 'StudioAttentionGradient',
  composed: (compose, { q, k, v, state, dy }) => {
    const [dProbs, dv] = composeMixGradient(compose, state, v, dy);
    return [...composeProbsGradient(compose, q, k, state, dProbs), dv];
  },
  webgpu: (backend, inputs, options) =>
    attentionFits(inputs.q, options.heads) ? launchAttentionGradient(backend, inputs, options) : null,
  wasm: (heap, { q, k, v, state, dy }, { heads }) => {
    const s = attentionSizes(q, k, heads);
    const gradients = [q, k, v].map(({ shape }) => heap.allocate(shape));
    const addresses = [q, k, v, state, dy, ...gradients].map((tensor) => heap.address(tensor));
    const sizes = [heads, s.queries, s.keys, s.width];
    const calls = attentionParts(heap, s, 7).map((part) => [...addresses, ...part, ...sizes]);
    heap.call('attendGradient', calls, attentionScratch(heap, s));
    return gradients;
  },
});

const runProbs = defineOp<'q' | 'k', AttentionOptions>({
  name: 'StudioAttentionProbs',
  composed: (compose, { q, k }, options) => composeProbs(compose, q, k, options),
  gradient: {
    save: ['q', 'k'],
    saveOutputs: [true],
    run: ([dProbs], saved) => {
      const [q, k, probs] = saved as [Tensor, Tensor, Tensor];
      const [dq, dk] = runProbsGradient({ q, k, probs, dProbs: dProbs as Tensor }, {}) as [Tensor, Tensor];
      return { q: () => dq, k: () => dk };
    },
  },
});

const runProbsGradient = defineOp<'q' | 'k' | 'probs' | 'dProbs', Record<never, never>>({
  name: 'StudioAttentionProbsGradient',
  composed: (compose, { q, k, probs, dProbs }) => composeProbsGradient(compose, q, k, probs, dProbs),
});

const runMix = defineOp<'probs' | 'v', Record<never, never>>({
  name: 'StudioAttentionMix',
  composed: (compose, { probs, v }) => composeMix(compose, probs, v),
  gradient: {
    save: ['probs', 'v'],
    run: ([dy], saved) => {
      const [probs, v] = saved as [Tensor, Tensor];
      const [dProbs, dv] = runMixGradient({ probs, v, dy: dy as Tensor }, {}) as [Tensor, Tensor];
      return { probs: () => dProbs, v: () => dv };
    },
  },
});

const runMixGradient = defineOp<'probs' | 'v' | 'dy', Record<never, never>>({
  name: 'StudioAttentionMixGradient',
  composed: (compose, { probs, v, dy }) => composeMixGradient(compose, probs, v, dy),
});

/**
 * softmax(q k^T / sqrt(D / heads)) v per head.
 *
 * @param q [N, Lq, D]
 * @param k [N, Lk, D]
 * @param v [N, Lk, D]
 * @param options `causal` hides keys after the query's own position
 * @returns [N, Lq, D]
 */
export function attention(q: Tensor3D, k: Tensor3D, v: Tensor3D, options: AttentionOptions): Tensor3D {
  const [o, state] = runAttention({ q, k, v }, { heads: options.heads, causal: options.causal });
  (state as Tensor).dispose();
  return o as Tensor3D;
}

/** The probabilities of `attention`, stored: [N, heads, Lq, Lk]. For hooks that read or change them. */
export function attentionProbs(q: Tensor3D, k: Tensor3D, options: AttentionOptions): Tensor4D {
  return only(runProbs({ q, k }, { heads: options.heads, causal: options.causal })) as Tensor4D;
}

/**
 * Applies probabilities to values; `attentionMix(attentionProbs(q, k), v)` is `attention(q, k, v)`.
 *
 * @param probs [N, heads, Lq, Lk]
 * @param v [N, Lk, D]
 * @returns [N, Lq, D]
 */
export function attentionMix(probs: Tensor4D, v: Tensor3D): Tensor3D {
  return only(runMix({ probs, v }, {})) as Tensor3D;
}

type AttentionSizes = Record<'batch' | 'heads' | 'queries' | 'keys' | 'width', number>;

function attentionSizes(q: TensorInfo, k: TensorInfo, heads: number): AttentionSizes {
  const [batch, queries, width] = q.shape as [number, number, number];
  return { batch, heads, queries, keys: k.shape[1] as number, width };
}

/** Pairs of a sample and a head, of so many products each, for the threads of wasm. */
function attentionParts(
  heap: Heap,
  { batch, heads, queries, keys, width }: AttentionSizes,
  products: number,
): readonly (readonly [first: number, count: number])[] {
  return heap.parts(batch * heads, (products * queries * keys * width) / heads);
}

/** Bytes that the wasm kernels work in. */
function attentionScratch(heap: Heap, { heads, queries, keys, width }: AttentionSizes): number {
  return heap.kernels.attentionScratch(queries, keys, width / heads);
}
