/**
 * BLIP-VQA (Li et al. 2022, arXiv:2201.12086) as T2I-CompBench asks it: the picture, questions about it, and how much more
 * probable "yes" is than "no" as the first word of the answer.
 */
import { runLayerNorm, runLinear } from '../../models/layers.ts';
import { gelu } from '../../tensor/ops/activations.ts';
import { type Tensor3D, tf } from '../../tensor/tf.ts';
import { encodePixels, type Pixels, type Spy } from '../vision/run.ts';
import { type BertSpy, runBert } from './bert.ts';
import type { AnswerWeights, BlipWeights } from './weights.ts';

/** Ids of one picture's questions, padded to the longest. */
type QuestionBatch = {
  readonly ids: readonly (readonly number[])[];
  readonly lengths: readonly number[];
};

/** Rows of one length; what is padded is masked by the true lengths. */
export function padQuestions(rows: readonly (readonly number[])[], pad: number): QuestionBatch {
  const longest = Math.max(...rows.map((row) => row.length));
  return {
    ids: rows.map((row) => [...row, ...new Array<number>(longest - row.length).fill(pad)]),
    lengths: rows.map((row) => row.length),
  };
}

/** States of the picture after the last norm, [N, 1 + grid * grid, width]. */
export function encodeBlipImage(w: BlipWeights, pixels: Pixels, spy?: Spy): Tensor3D {
  return tf.tidy(() =>
    runLayerNorm(w.vision.postNorm, encodePixels(w.vision, pixels, spy), w.config.vision.normEps),
  );
}

/** States of the questions about one picture [1, T, C]: [N, L, width]. The first id of each is [ENC]. */
export function encodeQuestions(
  w: BlipWeights,
  image: Tensor3D,
  { ids, lengths }: QuestionBatch,
  spy?: BertSpy,
): Tensor3D {
  return runBert(w.question, ids, lengths, { kind: 'shared', states: image }, spy);
}

/**
 * The decoder's one step from [DEC]: the state before the output layer, a row a question. Padding of the questions is left
 * out of its cross attention, which transformers' `generate` forgets.
 * @param questions [N, L, width]; not disposed
 */
export async function startAnswers(
  w: BlipWeights,
  questions: Tensor3D,
  { lengths }: Pick<QuestionBatch, 'lengths'>,
  decId: number,
  spy?: BertSpy,
): Promise<Float32Array[]> {
  const { answer } = w;
  const { width, normEps } = w.config.text;
  const state = tf.tidy(() => {
    const ids = lengths.map(() => [decId]);
    const context = { kind: 'rows', states: questions, lengths } as const;
    const last = runBert(
      answer.bert,
      ids,
      ids.map(() => 1),
      context,
      spy,
    );
    const turned = gelu(runLinear(answer.transform, last), 'erf') as Tensor3D;
    return runLayerNorm(answer.transformNorm, turned, normEps);
  });
  spy?.('transform', state);
  const values = (await state.data()) as Float32Array;
  state.dispose();
  return lengths.map((_, n) => values.slice(n * width, (n + 1) * width));
}

/** Logits of some words after a state of `startAnswers`: the output matrix is the table of words, on the CPU. */
export async function logitsOf(
  answer: AnswerWeights,
  state: Float32Array,
  ids: readonly number[],
): Promise<number[]> {
  const bias = (await answer.outputBias.data()) as Float32Array;
  const row = new Float32Array(state.length);
  return ids.map((id) => {
    row.fill(0);
    answer.bert.words.addRow(id, row, 0);
    return state.reduce((sum, x, i) => sum + x * (row[i] as number), 0) + (bias[id] as number);
  });
}

/** P(yes) / (P(yes) + P(no)), in the form that neither overflows nor cancels. */
export function yesShare(yesLogit: number, noLogit: number): number {
  return 1 / (1 + Math.exp(noLogit - yesLogit));
}
