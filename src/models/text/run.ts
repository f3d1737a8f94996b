/** Forward pass of the CLIP text encoder: causal attention, no padding mask (padding is attended, as upstream). */
import { StudioError } from '../../lib/errors.ts';
import { type Tensor2D, type Tensor3D, tf } from '../../tensor/tf.ts';
import type { Projector } from '../hooks.ts';
import { runLayerNorm } from '../layers.ts';
import { runPreNormLayer } from '../preNorm/run.ts';
import type { TextWeights } from './weights.ts';

/** Which hidden state is the text embedding. */
type TextOutput = 'last' | 'penultimate';

/**
 * Text embeddings for token ids [N, L].
 *
 * `last` applies the final layer norm to the last layer's output (SD-1.x, and SD-2.x, whose 23-layer checkpoint is
 * already cut at the penultimate layer). `penultimate` applies it to the layer before.
 *
 * @returns [N, L, width]; the caller disposes
 */
export function encodeText(
  w: TextWeights,
  ids: readonly (readonly number[])[],
  options: { readonly output: TextOutput; readonly project?: Projector | undefined } = { output: 'last' },
): Tensor3D {
  return tf.tidy(() => {
    const used = options.output === 'last' ? w.layers.length : w.layers.length - 1;
    let h = embedTokens(w, ids);
    const { project } = options;
    for (const layer of w.layers.slice(0, used)) {
      const before = h;
      // What a layer made goes before the next one: with 32 texts in ViT-H/14 all of it is 4 GB.
      h = tf.tidy(() => runPreNormLayer(layer, before, { ...w.config, causal: true, project }));
      before.dispose();
    }
    return runLayerNorm(w.finalNorm, h, w.config.normEps);
  });
}

/** Every hidden state [N, L, width]: embeddings first, then the raw output of each layer (no final norm). */
export function hiddenStates(w: TextWeights, ids: readonly (readonly number[])[]): Tensor3D[] {
  const states = [embedTokens(w, ids)];
  for (const layer of w.layers) {
    states.push(
      tf.tidy(() => runPreNormLayer(layer, states.at(-1) as Tensor3D, { ...w.config, causal: true })),
    );
  }
  return states;
}

/**
 * The hidden state at each sequence's end token [N, width] (unused by Stable Diffusion). The end is the largest id
 * when the config carries the old eos id 2, else the first eos.
 */
export function pooled(w: TextWeights, last: Tensor3D, ids: readonly (readonly number[])[]): Tensor2D {
  return tf.tidy(() => {
    const rows = ids.map((row, n) => {
      const end =
        w.config.eosTokenId === 2
          ? row.indexOf(Math.max(...row))
          : Math.max(row.indexOf(w.config.eosTokenId), 0);
      return tf.slice(last, [n, end, 0], [1, 1, -1]);
    });
    return tf.reshape(tf.concat(rows, 0), [ids.length, w.config.width]) as Tensor2D;
  });
}

function embedTokens(w: TextWeights, ids: readonly (readonly number[])[]): Tensor3D {
  const { width, vocabulary, maxTokens } = w.config;
  const length = ids[0]?.length ?? 0;
  if (length > maxTokens) {
    throw new StudioError(
      'prompt-too-long',
      `A prompt has ${length} tokens, the text encoder takes ${maxTokens}.`,
      {
        remedy: 'Shorten the prompt.',
      },
    );
  }
  const out = new Float32Array(ids.length * length * width);
  ids.forEach((row, n) => {
    row.forEach((id, position) => {
      if (id < 0 || id >= vocabulary) {
        throw new StudioError('token-unknown', `Token ${id} is outside the vocabulary of ${vocabulary}.`, {
          remedy: 'Check that tokenizer and text encoder belong to the same model.',
        });
      }
      const to = (n * length + position) * width;
      w.tokens.addRow(id, out, to);
      w.positions.addRow(position, out, to);
    });
  });
  return tf.tensor3d(out, [ids.length, length, width]);
}
