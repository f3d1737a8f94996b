/**
 * BERT blocks with cross attention (BLIP's med.py): self attention, cross attention, feed-forward, each followed by its
 * residual and a norm. There are no token types. GELU is exact.
 */
import { StudioError } from '../../lib/errors.ts';
import { runLayerNorm, runLinear } from '../../models/layers.ts';
import { gelu } from '../../tensor/ops/activations.ts';
import { attention } from '../../tensor/ops/attention.ts';
import { type Tensor3D, tf } from '../../tensor/tf.ts';
import type { BertAttention, BertLayer, BertWeights } from './weights.ts';

/** What cross attention looks at: one picture for all rows, or a row each, of which the first `lengths` positions count. */
type BertContext =
  | { readonly kind: 'shared'; readonly states: Tensor3D }
  | { readonly kind: 'rows'; readonly states: Tensor3D; readonly lengths: readonly number[] };

/** Sees states by name: `embeddings`, `layers.K`, `layers.K.attention|crossattention|intermediate`. */
export type BertSpy = (name: string, state: Tensor3D) => void;

/**
 * Hidden states for ids [N, L], of which the first `lengths` of each row count and the rest is padding.
 * @returns [N, L, width]; what stands at padded positions is as upstream computes it, and nothing reads it
 * @throws StudioError `metric-tokens` for ids or lengths that the network does not have
 */
export function runBert(
  w: BertWeights,
  ids: readonly (readonly number[])[],
  lengths: readonly number[],
  context: BertContext,
  spy?: BertSpy,
): Tensor3D {
  return tf.tidy(() => {
    let h = embed(w, ids);
    spy?.('embeddings', h);
    for (const [i, layer] of w.layers.entries()) {
      const x = h;
      h = tf.tidy(() =>
        runLayer(w, layer, x, lengths, context, (name, state) => spy?.(`layers.${i}${name}`, state)),
      );
      x.dispose();
    }
    return h;
  });
}

function runLayer(
  w: BertWeights,
  layer: BertLayer,
  x: Tensor3D,
  lengths: readonly number[],
  context: BertContext,
  spy: BertSpy,
): Tensor3D {
  const { heads, normEps } = w.config;
  const attended = attendRows(layer.self, x, { kind: 'rows', states: x, lengths }, heads, normEps);
  spy('.attention', attended);
  const crossed =
    context.kind === 'shared'
      ? attendShared(layer.cross, attended, context.states, heads, normEps)
      : attendRows(layer.cross, attended, context, heads, normEps);
  spy('.crossattention', crossed);
  const hidden = gelu(runLinear(layer.feedIn, crossed), 'erf') as Tensor3D;
  spy('.intermediate', hidden);
  const y = runLayerNorm(layer.norm, runLinear(layer.feedOut, hidden, crossed) as Tensor3D, normEps);
  spy('', y);
  return y;
}

/** Each row attends to its own context. Rows are taken one by one where their lengths differ: a mask without masking. */
function attendRows(
  w: BertAttention,
  x: Tensor3D,
  { states, lengths }: Extract<BertContext, { kind: 'rows' }>,
  heads: number,
  eps: number,
): Tensor3D {
  const q = runLinear(w.toQ, x) as Tensor3D;
  const k = runLinear(w.toK, states) as Tensor3D;
  const v = runLinear(w.toV, states) as Tensor3D;
  const options = { heads, causal: false };
  const row = (t: Tensor3D, n: number, length: number): Tensor3D =>
    tf.slice(t, [n, 0, 0], [1, length, t.shape[2]]);
  const mixed = lengths.every((length) => length === states.shape[1])
    ? attention(q, k, v, options)
    : (tf.concat(
        lengths.map((length, n) =>
          attention(row(q, n, q.shape[1]), row(k, n, length), row(v, n, length), options),
        ),
        0,
      ) as Tensor3D);
  return runLayerNorm(w.norm, runLinear(w.toOut, mixed, x) as Tensor3D, eps);
}

/** All rows attend to one picture: its keys and values are made once. */
function attendShared(w: BertAttention, x: Tensor3D, states: Tensor3D, heads: number, eps: number): Tensor3D {
  const [count, length, width] = x.shape;
  const q = tf.reshape(runLinear(w.toQ, x), [1, count * length, width]) as Tensor3D;
  const k = runLinear(w.toK, states) as Tensor3D;
  const v = runLinear(w.toV, states) as Tensor3D;
  const mixed = tf.reshape(attention(q, k, v, { heads, causal: false }), x.shape) as Tensor3D;
  return runLayerNorm(w.norm, runLinear(w.toOut, mixed, x) as Tensor3D, eps);
}

function embed(w: BertWeights, ids: readonly (readonly number[])[]): Tensor3D {
  const { width, vocabulary, maxTokens, normEps } = w.config;
  const length = ids[0]?.length ?? 0;
  if (length > maxTokens || ids.some((row) => row.some((id) => id < 0 || id >= vocabulary))) {
    throw new StudioError(
      'metric-tokens',
      'A question does not fit the vocabulary or the length of the network.',
      {
        remedy: 'Check that vocab.txt and the checkpoint belong together.',
      },
    );
  }
  const values = new Float32Array(ids.length * length * width);
  ids.forEach((row, n) => {
    row.forEach((id, position) => {
      const to = (n * length + position) * width;
      w.words.addRow(id, values, to);
      w.positions.addRow(position, values, to);
    });
  });
  return runLayerNorm(w.norm, tf.tensor3d(values, [ids.length, length, width]), normEps);
}
