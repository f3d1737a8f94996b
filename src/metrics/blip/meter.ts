/** BLIP-VQA as a meter: a picture is encoded once, all its questions are asked together. */
import type { PixelImage } from '../../contract/events.ts';
import type { EditedPhrases } from '../../contract/spec.ts';
import { heldInUse } from '../../models/part.ts';
import { nounPhrases } from '../language/nounPhrases.ts';
import type { Meter, Metric } from '../metric.ts';
import type { Pixels } from '../vision/run.ts';
import { blipScore } from './aggregate.ts';
import type { Blip } from './load.ts';
import { askedPhrases, MAX_QUESTIONS, questionIds, questionOf } from './questions.ts';
import { encodeBlipImage, encodeQuestions, logitsOf, padQuestions, startAnswers, yesShare } from './run.ts';
import type { WordPieceTokenizer } from './wordPiece.ts';

/** @param options.phrases noun phrases that people corrected, by prompt */
export function blipMeter(
  metric: Metric,
  blip: Blip,
  tokenizer: WordPieceTokenizer,
  options: {
    readonly pixelsOf: (image: PixelImage, size: number) => Pixels;
    readonly phrases?: EditedPhrases | undefined;
  },
): Meter {
  const { weights: w } = blip;
  const network = heldInUse(blip.part);
  const probabilities = async (image: PixelImage, questions: readonly string[]): Promise<number[]> => {
    await network.use();
    const batch = padQuestions(
      questions.map((question) => questionIds(tokenizer, question)),
      tokenizer.idOf('[PAD]'),
    );
    const picture = encodeBlipImage(w, options.pixelsOf(image, w.config.vision.imageSize));
    const states = encodeQuestions(w, picture, batch);
    picture.dispose();
    try {
      const answers = await startAnswers(w, states, batch, tokenizer.idOf('[DEC]'));
      const words = ['yes', 'no'].map((word) => tokenizer.idOf(word));
      const shares: number[] = [];
      for (const answer of answers) {
        const [yes, no] = (await logitsOf(w.answer, answer, words)) as [number, number];
        shares.push(yesShare(yes, no));
      }
      return shares;
    } finally {
      states.dispose();
    }
  };
  const asks = async (prompt: string): Promise<string[]> =>
    (options.phrases?.[prompt]?.slice(0, MAX_QUESTIONS) ?? askedPhrases(await nounPhrases(prompt))).map(
      questionOf,
    );
  return {
    metric,
    prepare: async () => undefined,
    asks,
    measure: async (image, prompt) => {
      const questions = await asks(prompt);
      const shares = questions.length === 0 ? [] : await probabilities(image, questions);
      return {
        value: blipScore(shares).score,
        parts: { lowest: Math.min(1, ...shares) },
        asked: questions.map((question, i) => ({ question, probability: shares[i] as number })),
      };
    },
    rest: network.rest,
    dispose: () => {
      network.rest();
      blip.dispose();
    },
  };
}
