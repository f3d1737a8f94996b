/** BLIP-VQA, T2I-CompBench's score of attributes (Huang et al. 2023, arXiv:2307.06350). */
import type { Metric } from './metric.ts';

const shared = {
  summary:
    'For every noun phrase of the prompt, BLIP is asked whether it is in the picture; the score is the product of the shares of "yes", each with 4 decimals, as T2I-CompBench has it.',
  range: [0, 1],
  format: 'number',
  parts: [{ key: 'lowest', title: 'Least certain phrase' }],
} as const;

const caution =
  'Phrases come from a small tagger, not from spaCy: look at the questions, and change them where they miss the point. At most 8 are asked. A prompt without noun phrases scores 1. BLIP says yes to much that is merely plausible.';

/** The checkpoint and the size of the published numbers. */
export const blipVqa = {
  ...shared,
  name: 'blip-vqa',
  title: 'BLIP-VQA (original, 480 pixels)',
  short: 'BLIP',
  caution,
  network: { model: 'blip-vqa-480', pixels: 'blip' },
} as const satisfies Metric;

/** The same network as it was converted for transformers. */
export const blipVqa384 = {
  ...shared,
  name: 'blip-vqa-384',
  title: 'BLIP-VQA (Hugging Face port, 384 pixels)',
  short: 'BLIP 384',
  caution: `${caution} The port reads smaller pictures with resized positions: its numbers are near those of the paper, not the same.`,
  network: { model: 'blip-vqa-384', pixels: 'blip' },
} as const satisfies Metric;
