/** Human Preference Score v2 (Wu et al. 2023, arXiv:2306.09341). */
import type { Metric } from './metric.ts';

export const hpsV2 = {
  name: 'hps',
  title: 'HPS v2',
  short: 'HPS',
  summary:
    'How much people would prefer the picture for this prompt, learned from their choices: a cosine of OpenCLIP ViT-H/14, often reported times 100. Most pictures lie between 0.2 and 0.32.',
  caution:
    'It rewards beauty beside alignment. Numbers of v2.0 and v2.1 cannot be compared; the paper’s are of v2.0. The resize is antialiased, as in the paper’s environment; older torchvision gives other numbers.',
  range: [-1, 1],
  format: 'number',
  network: { model: 'hps-v2', pixels: 'hps' },
  parts: [],
} as const satisfies Metric;
