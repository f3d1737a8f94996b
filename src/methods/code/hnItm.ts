/**
 * HN-ITM (Krojer et al. 2023, arXiv 2305.16397; code 7d5a9c0): a wrong image or a wrong caption beside every image, whose
 * error grows up to a bound. Negatives are of this run: the selected image, and the caption, of the prompt with most
 * words in common, or any other caption.
 */
import { StudioError } from '../../lib/errors.ts';
import { uniformInt } from '../../lib/philox.ts';
import { hardNegatives } from '../../training/objectives.ts';
import type { MakeTuning, Ranked } from '../methodCode.ts';
import { bestByReward } from './rewards.ts';

/** Philox stream of the random captions. */
const CAPTION_STREAM = 0x63000000;

/** Upstream draws the kind of negative once for a micro-batch: an image in half of them, then hard and random captions. */
export function kindOfNegative(draw: number): readonly number[] {
  return [draw < 0.5 ? 0 : draw < 0.75 ? 1 : 2];
}

/** Share of words that two prompts have in common (Jaccard). */
export function likeness(a: string, b: string): number {
  const words = (text: string): Set<string> => new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []);
  const [own, other] = [words(a), words(b)];
  const common = [...own].filter((word) => other.has(word)).length;
  return common / Math.max(1, own.size + other.size - common);
}

export const tuning: MakeTuning = ({ bound, relativistic, reward }) => ({
  tuning: { objective: hardNegatives(bound as number, relativistic as boolean), pick: kindOfNegative },
  // With MI as reward the run's own ranking selects.
  ...(reward === 'mi'
    ? {}
    : { select: (pool: readonly Ranked[], keep: number) => bestByReward(reward as string, pool, keep) }),
  items: ({ chosen, latent, seed }) =>
    chosen.map((own, i) => {
      const others = chosen.filter(({ text }) => text !== own.text);
      if (others.length === 0) {
        throw new StudioError(
          'negatives-none',
          'Every selected image has the same prompt, so none is a negative.',
          {
            remedy: 'Give at least two different prompts.',
          },
        );
      }
      const hard = others.reduce((best, c) =>
        likeness(c.text, own.text) > likeness(best.text, own.text) ? c : best,
      );
      const any = others[uniformInt(seed, CAPTION_STREAM, i, others.length)] as Ranked;
      const z = latent(own);
      return {
        text: own.text,
        latent: z,
        beside: [
          { text: own.text, latent: latent(hard) },
          { text: hard.text, latent: z },
          { text: any.text, latent: z },
        ],
      };
    }),
});
