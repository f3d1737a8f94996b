/** CLIPScore (Hessel et al. 2021, arXiv:2104.08718) as T2I-CompBench takes it: the plain cosine. */
import type { Metric } from './metric.ts';

export const clipScore = {
  name: 'clip',
  title: 'CLIPScore (ViT-B/32)',
  short: 'CLIP',
  summary:
    'Cosine of the directions that CLIP gives to the picture and to its prompt, neither clipped at 0 nor scaled. Most pictures lie between 0.15 and 0.4.',
  caution:
    'CLIP hardly notices which color belongs to which thing, where things are, or how many there are. Compare pictures of one prompt only. It reads 77 tokens; the rest of a prompt is cut off.',
  range: [-1, 1],
  format: 'number',
  network: { model: 'clip-vit-b32', pixels: 'clip-torchvision' },
  parts: [],
} as const satisfies Metric;
