/**
 * Attention in parts, on any backend: probabilities P = softmax(q k^T / sqrt(d)) and their use o = P v, with gradients
 * dV = P^T dO, dP = dO V^T, dS = P (dP - rowsum(dP P)), dQ = dS K / sqrt(d), dK = dS^T Q / sqrt(d).
 *
 * Shapes: q, o [N,Lq,D]; k, v [N,Lk,D]; probabilities [N,heads,Lq,Lk]; the head width is D / heads.
 */

import { sizeOf, type TensorInfo, tf } from '../tf.ts';
import type { Compose } from './compose.ts';

export type AttentionOptions = { readonly heads: number; readonly causal: boolean };

/** Score of a key that a causal query must not see: far below any score, yet finite. */
const hidden = -1e30;

/** @returns softmax of the scaled scores [batch, heads, queries, keys] */
export function composeProbs(
  compose: Compose,
  q: TensorInfo,
  k: TensorInfo,
  { heads, causal }: AttentionOptions,
): TensorInfo {
  const [batch, queries] = q.shape as [number, number, number];
  const keys = k.shape[1] as number;
  const scaled = compose.mul(q, compose.scalar(scoreScale(q, heads)));
  const scores = compose.batchMatMul(splitHeads(compose, scaled, heads), splitColumns(compose, k, heads));
  const visible = causal ? compose.add(scores, causalMask(compose, queries, keys)) : scores;
  return compose.view(softmaxRows(compose, visible), [batch, heads, queries, keys]);
}

/** @returns values mixed by the probabilities, heads side by side */
export function composeMix(compose: Compose, probs: TensorInfo, v: TensorInfo): TensorInfo {
  const heads = probs.shape[1] as number;
  const mixed = compose.batchMatMul(flatHeads(compose, probs), splitHeads(compose, v, heads));
  return mergeHeads(compose, mixed, heads);
}

/** @returns gradients of q and k for the gradient `dProbs` of the probabilities */
export function composeProbsGradient(
  compose: Compose,
  q: TensorInfo,
  k: TensorInfo,
  probs: TensorInfo,
  dProbs: TensorInfo,
): [dq: TensorInfo, dk: TensorInfo] {
  const heads = probs.shape[1] as number;
  const dot = compose.sumLast(compose.mul(dProbs, probs));
  const dScores = compose.mul(probs, compose.sub(dProbs, dot));
  const scaled = flatHeads(compose, compose.mul(dScores, compose.scalar(scoreScale(q, heads))));
  const dq = compose.batchMatMul(scaled, splitHeads(compose, k, heads));
  const dk = compose.batchMatMul(scaled, splitHeads(compose, q, heads), 'TN');
  return [mergeHeads(compose, dq, heads), mergeHeads(compose, dk, heads)];
}

/** @returns gradients of the probabilities and of v for the gradient `dy` of the output */
export function composeMixGradient(
  compose: Compose,
  probs: TensorInfo,
  v: TensorInfo,
  dy: TensorInfo,
): [dProbs: TensorInfo, dv: TensorInfo] {
  const heads = probs.shape[1] as number;
  const dyHeads = splitHeads(compose, dy, heads);
  const dProbs = compose.batchMatMul(dyHeads, splitColumns(compose, v, heads));
  const dv = compose.batchMatMul(flatHeads(compose, probs), dyHeads, 'TN');
  return [compose.view(dProbs, probs.shape), mergeHeads(compose, dv, heads)];
}

/** 1 / sqrt(head width) */
export function scoreScale(q: TensorInfo, heads: number): number {
  return 1 / Math.sqrt((q.shape[2] as number) / heads);
}

/** [N,L,D] to [N heads, L, D / heads]. */
function splitHeads(compose: Compose, x: TensorInfo, heads: number): TensorInfo {
  const [batch, length, width] = x.shape as [number, number, number];
  const byHead = compose.transpose(compose.view(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
  return compose.view(byHead, [batch * heads, length, width / heads]);
}

/** [N,L,D] to [N heads, D / heads, L]: the right operand of q k^T. */
function splitColumns(compose: Compose, x: TensorInfo, heads: number): TensorInfo {
  const [batch, length, width] = x.shape as [number, number, number];
  const byHead = compose.transpose(compose.view(x, [batch, length, heads, width / heads]), [0, 2, 3, 1]);
  return compose.view(byHead, [batch * heads, width / heads, length]);
}

function mergeHeads(compose: Compose, x: TensorInfo, heads: number): TensorInfo {
  const [groups, length, width] = x.shape as [number, number, number];
  const batch = groups / heads;
  const byToken = compose.transpose(compose.view(x, [batch, heads, length, width]), [0, 2, 1, 3]);
  return compose.view(byToken, [batch, length, heads * width]);
}

function flatHeads(compose: Compose, probs: TensorInfo): TensorInfo {
  const [batch, heads, queries, keys] = probs.shape as [number, number, number, number];
  return compose.view(probs, [batch * heads, queries, keys]);
}

function causalMask(compose: Compose, queries: number, keys: number): TensorInfo {
  const mask = new Float32Array(queries * keys);
  for (let query = 0; query < queries; query++) {
    mask.fill(hidden, query * keys + query + 1, (query + 1) * keys);
  }
  return compose.constant(mask, [queries, keys]);
}

/** Softmax over the last axis. The stock webgpu kernel corrupts tensors of more than 65,535 rows. */
function softmaxRows(compose: Compose, x: TensorInfo): TensorInfo {
  const width = x.shape.at(-1) as number;
  const flat = compose.view(x, [sizeOf(x.shape) / width, width]);
  if (tf.getBackend() === 'wasm') return compose.run('Softmax', { logits: flat }, { dim: 1 });
  const peak = compose.run('Max', { x: flat }, { reductionIndices: [1], keepDims: true });
  const e = compose.unary('Exp', compose.sub(flat, peak));
  return compose.div(e, compose.sumLast(e));
}
