/** PickScore (Kirstain et al. 2023, arXiv:2305.01569), before its scale and softmax. */
import type { Metric } from './metric.ts';

export const pickScore = {
  name: 'pick',
  title: 'PickScore',
  short: 'Pick',
  summary:
    'Which picture people would pick for this prompt, learned from their choices: a cosine of CLIP ViT-H/14. Upstream multiplies it by 100 and compares pictures of one prompt by a softmax.',
  caution:
    'Only differences between pictures of one prompt mean something. It rewards beauty beside alignment.',
  range: [-1, 1],
  format: 'number',
  network: { model: 'pickscore', pixels: 'clip-transformers' },
  parts: [],
} as const satisfies Metric;
