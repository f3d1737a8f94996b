/**
 * MI maps at inference, a variant that MI-TUNE's discussion names without a formula. Ours: point-wise information of
 * object s at pixel j, in a loss like that of Attend-and-Excite (Chefer et al. 2023, arXiv 2301.13826).
 *
 *     m_j(s) = sum over channels of (eps(zt, s) - eps(zt))_j^2, smoothed; or (eps(zt, p) - eps(zt, p without s))_j^2
 *     L = max over objects s of (1 - max_j m_j(s) / sum_j m_j(s))
 *     zt <- zt - a sqrt(r_i) |zt| grad L / |grad L|, r from 1 to 0.5
 *
 * The weight of the timestep cancels in the quotient. Only the worst object has a gradient, so it goes through two
 * predictions however many objects there are.
 */
import { denoise, latentGradient } from '../../diffusion/denoise.ts';
import { guideAndMeasure } from '../../diffusion/guidance.ts';
import { contextsOf, denoiserOf } from '../../procedures/tuned.ts';
import {
  type Scalar,
  scope,
  type Tensor,
  type Tensor1D,
  type Tensor3D,
  type Tensor4D,
  tf,
} from '../../tensor/tf.ts';
import type { MakeDrawRule } from '../methodCode.ts';
import { alteredEvaluations } from '../miMaps.ts';
import { mapAxes, smoothing } from './grids.ts';

/**
 * Keeps the quotient a number where both predictions are the same, as for words beyond the tokens that the model reads.
 */
const LEAST_SUM = 1e-20;

/** Which two prompts each object's map compares. */
export type Pair = readonly [withObject: string, without: string];

/** Pairs of the objects that stand in the prompt; the same word again means its next occurrence. */
export function comparedPrompts(
  text: string,
  objects: readonly string[],
  against: 'nothing' | 'rest',
): readonly Pair[] {
  const searchedTo = new Map<string, number>();
  return objects.flatMap((object): Pair[] => {
    const at = indexOfWord(text, object, searchedTo.get(object.toLowerCase()) ?? 0);
    if (at < 0) return [];
    searchedTo.set(object.toLowerCase(), at + object.length);
    if (against === 'nothing') return [[object, '']];
    const rest = `${text.slice(0, at)}${text.slice(at + object.length)}`.replace(/\s+/g, ' ').trim();
    return [[text, rest]];
  });
}

function indexOfWord(text: string, word: string, from: number): number {
  const [lower, searched] = [text.toLowerCase(), word.toLowerCase()];
  const isLetter = (character: string | undefined): boolean => /[\p{L}\p{N}]/u.test(character ?? '');
  for (let at = lower.indexOf(searched, from); at >= 0; at = lower.indexOf(searched, at + 1)) {
    if (!isLetter(lower[at - 1]) && !isLetter(lower[at + searched.length])) return at;
  }
  return -1;
}

/**
 * 1 - max_j m_j / sum_j m_j of predictions without and with the object [N, h, w, c] each, smoothed by the kernel of
 * Attend-and-Excite; differentiable. @returns [N]
 */
export function unfocused(withObject: Tensor4D, without: Tensor4D): Tensor1D {
  const [, h, w] = withObject.shape;
  return scope(() => {
    const squares = tf.sum(tf.squaredDifference(withObject, without), 3) as Tensor3D;
    const smooth = tf.reshape(mapAxes(squares, smoothing(h), smoothing(w)), [-1, h * w]);
    return tf.sub(1, tf.div(tf.max(smooth, 1), tf.add(tf.sum(smooth, 1), LEAST_SUM))) as Tensor1D;
  });
}

/** The latent moved against the gradient, by a share of its own length; as it is where there is no gradient. */
export function moved(zt: Tensor4D, gradient: Tensor4D, share: number): Tensor4D {
  return scope(() => {
    const length = (x: Tensor): Scalar => tf.sqrt(tf.sum(tf.square(x))) as Scalar;
    const factor = tf.divNoNan(tf.mul(length(zt), share), length(gradient));
    return tf.sub(zt, tf.mul(gradient, factor)) as Tensor4D;
  });
}

export const drawRule: MakeDrawRule = (options, read) => ({
  // Every image goes its own way.
  rows: 1,
  prepare: async ({ guidance, signal, session, tuned, text, scheduler }) => {
    const combine = guideAndMeasure(guidance);
    const { objects } = await read(text);
    const named = objects.slice(0, options.objects as number);
    const pairs = comparedPrompts(text, named, options.against as 'nothing' | 'rest');
    if (pairs.length === 0) return { combine, dispose: () => undefined };
    const texts = [...new Set(pairs.flat())];
    const known = contextsOf(session, tuned);
    await known.prepare(texts, signal);
    const contexts = new Map<string, Tensor3D>();
    for (const line of texts) contexts.set(line, await known.rows([line]));
    const contextOf = (line: string): Tensor3D => contexts.get(line) as Tensor3D;
    const denoiser = denoiserOf(session, tuned);
    const evaluations = scheduler.timesteps.length;
    const alterUntil = alteredEvaluations(evaluations, options);

    /** The pair whose object has the least of a place of its own. */
    const worstPair = async (input: Tensor4D, t: number): Promise<Pair> => {
      if (pairs.length === 1) return pairs[0] as Pair;
      const losses = scope(() => {
        const outputs = new Map(texts.map((line) => [line, denoise(denoiser, input, t, [contextOf(line)])]));
        const of = (line: string): Tensor4D => outputs.get(line) as Tensor4D;
        return tf.concat(pairs.map(([a, b]) => unfocused(of(a), of(b))));
      });
      const values = [...(await losses.data())];
      losses.dispose();
      return pairs[values.indexOf(Math.max(...values))] as Pair;
    };

    const beforeStep = async (zt: Tensor4D, t: number, i: number): Promise<Tensor4D> => {
      if (i >= alterUntil) return zt;
      signal?.throwIfAborted();
      // The scale of the input changes the length of the gradient alone, which is not used.
      const input = tf.mul(zt, scheduler.scaleModelInput(i)) as Tensor4D;
      try {
        const pair = await worstPair(input, t);
        const { loss, gradient } = await latentGradient(
          denoiser,
          input,
          t,
          pair.map(contextOf),
          (outputs) => {
            const [withObject, without] = tf.split(outputs, 2) as [Tensor4D, Tensor4D];
            return tf.sum(unfocused(withObject, without)) as Scalar;
          },
          { mode: session.policy.sweep },
        );
        const share = (options.stepSize as number) * Math.sqrt(1 - i / (2 * Math.max(1, evaluations - 1)));
        const next = moved(zt, gradient, share);
        tf.dispose([loss, gradient]);
        return next;
      } finally {
        input.dispose();
      }
    };
    return { combine, beforeStep, dispose: () => tf.dispose([...contexts.values()]) };
  },
});
