/** A small CLIP that was trained on captions of the shapes world: a second score that costs next to nothing. */
import type { Metric } from './metric.ts';

export const shapesClip = {
  name: 'shapes-clip',
  title: 'Shapes CLIP',
  short: 'CLIP',
  summary:
    'Cosine of picture and prompt in a CLIP of 1.1 million parameters that comes with this page. It saw other pictures and captions of the shapes world than the model.',
  caution:
    'Pictures and prompts of the shapes world only. It tells a true caption from one with a single mistake in two of three cases: like large CLIPs, it confuses what belongs to what.',
  range: [-1, 1],
  format: 'number',
  network: { model: 'shapes-clip', pixels: 'clip-torchvision' },
  parts: [],
} as const satisfies Metric;
