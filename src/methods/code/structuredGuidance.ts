/**
 * Structured Diffusion Guidance (Feng et al. 2022, arXiv 2212.05032; code 773b2ba): every noun phrase is encoded alone and
 * put into its place in the prompt's embedding; cross-attention reads its values from the mean of these embeddings.
 *
 *     W_i = W_p with the tokens of phrase i replaced by those of the phrase encoded alone
 *     O = mean_i softmax(Q K(W_p)^T) V(W_i) = softmax(Q K(W_p)^T) V(mean_i W_i),    i over the prompt and its phrases
 *
 * As values are linear in the context, it is one attention with the mean as value context: no further evaluation.
 */

import { guideAndMeasure } from '../../diffusion/guidance.ts';
import type { ContextHook } from '../../models/hooks.ts';
import { contextsOf } from '../../procedures/tuned.ts';
import { phraseSpans, type Span } from '../../prompts/align.ts';
import { scope, type Tensor3D, tf } from '../../tensor/tf.ts';
import type { MakeDrawRule } from '../methodCode.ts';

/**
 * The embedding with the phrase's own tokens in their place.
 * @param prompt [N, L, D]
 * @param phrase [N, L, D], the phrase encoded alone
 */
function alignPhrase(prompt: Tensor3D, phrase: Tensor3D, [from, to]: Span): Tensor3D {
  const length = prompt.shape[1];
  return scope(() => {
    const part = (x: Tensor3D, start: number, size: number): Tensor3D =>
      tf.slice(x, [0, start, 0], [-1, size, -1]);
    const pieces = [
      part(prompt, 0, from + 1),
      part(phrase, 1, to - from),
      part(prompt, to + 1, length - to - 1),
    ];
    return tf.concat(
      pieces.filter((piece) => piece.shape[1] > 0),
      1,
    );
  });
}

/** W_p first, then one context for each phrase; the caller disposes them. */
export function valueContexts(
  prompt: Tensor3D,
  phrases: readonly Tensor3D[],
  spans: readonly Span[],
): readonly Tensor3D[] {
  return [prompt.clone(), ...phrases.map((phrase, i) => alignPhrase(prompt, phrase, spans[i] as Span))];
}

/** The prompt with the tokens of all phrases overwritten; where spans overlap the later phrase wins. */
export function overwritten(
  prompt: Tensor3D,
  phrases: readonly Tensor3D[],
  spans: readonly Span[],
): Tensor3D {
  return scope(() =>
    phrases.reduce((all, phrase, i) => alignPhrase(all, phrase, spans[i] as Span), prompt.clone()),
  );
}

export type Structured = { readonly hook: ContextHook; dispose(): void };

/**
 * The contexts of every cross-attention layer for a network that is given the unconditional half first.
 *
 * `mean` is the method's default. `conjunction` has one value context, with all phrases in their places, and attends with
 * several keys; its first key is that same tensor, as upstream overwrites the prompt's embedding in place.
 */
export function structuredContexts(
  [uncond, cond]: readonly [Tensor3D, Tensor3D],
  phrases: readonly Tensor3D[],
  spans: readonly Span[],
  mode: 'mean' | 'conjunction',
): Structured {
  const made = scope(() => {
    const below = (context: Tensor3D): Tensor3D => tf.concat([uncond, context], 0);
    const contexts = valueContexts(cond, phrases, spans);
    if (mode === 'mean') {
      const mean = tf.div(tf.addN([...contexts]), contexts.length) as Tensor3D;
      return { keys: [below(cond)], values: [below(mean)] };
    }
    const all = overwritten(cond, phrases, spans);
    return { keys: [all, ...contexts.slice(1)].map(below), values: [below(all)] };
  });
  return { hook: () => made, dispose: () => tf.dispose([made.keys, made.values]) };
}

export const drawRule: MakeDrawRule = (options, read) => ({
  rows: Number.POSITIVE_INFINITY,
  prepare: async ({ session, tuned, text, rows, contexts, guidance, signal }) => {
    const combine = guideAndMeasure(guidance);
    const { phrases } = await read(text);
    const found = phraseSpans(session.model.tokenizer, text, phrases);
    // Without a phrase the method is ordinary attention.
    if (found.length === 0) return { combine, dispose: () => undefined };
    const known = contextsOf(session, tuned);
    await known.prepare(
      found.map(({ phrase }) => phrase),
      signal,
    );
    const embeddings: Tensor3D[] = [];
    for (const { phrase } of found) embeddings.push(await known.rows(new Array<string>(rows).fill(phrase)));
    const spans = found.map(({ span }) => span);
    const { hook, dispose } = structuredContexts(
      contexts,
      embeddings,
      spans,
      options.mode as 'mean' | 'conjunction',
    );
    tf.dispose(embeddings);
    return { combine, denoiseOptions: { hooks: { context: hook } }, dispose };
  },
});
