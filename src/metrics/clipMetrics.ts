/** Metrics that are the cosine of picture and prompt in some CLIP. */
import type { Metric } from './metric.ts';

const COSINE = { range: [-1, 1], format: 'number', parts: [] } as const;

/** CLIPScore (Hessel et al. 2021, arXiv:2104.08718) as T2I-CompBench takes it: the plain cosine. */
export const clipScore = {
  name: 'clip',
  title: 'CLIPScore (ViT-B/32)',
  short: 'CLIP',
  summary:
    'Cosine of the directions that CLIP gives to the picture and to its prompt, neither clipped at 0 nor scaled. Most pictures lie between 0.15 and 0.4.',
  caution:
    'CLIP hardly notices which color belongs to which thing, where things are, or how many there are. Compare pictures of one prompt only. It reads 77 tokens; the rest of a prompt is cut off.',
  network: { model: 'clip-vit-b32', pixels: 'clip-torchvision' },
  ...COSINE,
} as const satisfies Metric;

/** Human Preference Score v2 (Wu et al. 2023, arXiv:2306.09341). */
export const hpsV2 = {
  name: 'hps',
  title: 'HPS v2',
  short: 'HPS',
  summary:
    'How much people would prefer the picture for this prompt, learned from their choices: a cosine of OpenCLIP ViT-H/14, often reported times 100. Most pictures lie between 0.2 and 0.32.',
  caution:
    'It rewards beauty beside alignment. Numbers of v2.0 and v2.1 cannot be compared; the paper’s are of v2.0. The resize is antialiased, as in the paper’s environment; older torchvision gives other numbers.',
  network: { model: 'hps-v2', pixels: 'hps' },
  ...COSINE,
} as const satisfies Metric;

/** PickScore (Kirstain et al. 2023, arXiv:2305.01569), before its scale and softmax. */
export const pickScore = {
  name: 'pick',
  title: 'PickScore',
  short: 'Pick',
  summary:
    'Which picture people would pick for this prompt, learned from their choices: a cosine of CLIP ViT-H/14. Upstream multiplies it by 100 and compares pictures of one prompt by a softmax.',
  caution:
    'Only differences between pictures of one prompt mean something. It rewards beauty beside alignment.',
  network: { model: 'pickscore', pixels: 'clip-transformers' },
  ...COSINE,
} as const satisfies Metric;

/** A small CLIP that was trained on captions of the shapes world: a second score that costs next to nothing. */
export const shapesClip = {
  name: 'shapes-clip',
  title: 'Shapes CLIP',
  short: 'CLIP',
  summary:
    'Cosine of picture and prompt in a CLIP of 1.1 million parameters that comes with this page. It saw other pictures and captions of the shapes world than the model.',
  caution:
    'Pictures and prompts of the shapes world only. It tells a true caption from one with a single mistake in two of three cases: like large CLIPs, it confuses what belongs to what.',
  network: { model: 'shapes-clip', pixels: 'clip-torchvision' },
  ...COSINE,
} as const satisfies Metric;
