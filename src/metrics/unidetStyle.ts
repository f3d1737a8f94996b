/** T2I-CompBench's spatial score with another detector than its own (Huang et al. 2023, arXiv:2307.06350). */
import type { Metric } from './metric.ts';

export const unidetStyle = {
  name: 'unidet-style',
  title: 'Spatial, UniDet-style (OWL-ViT)',
  short: 'Spatial',
  summary:
    'Are the two objects of the prompt there, and does the second lie where the prompt puts it? UniDet’s rule, on boxes that OWL-ViT finds for the words of the prompt. 0.5 and more: both there and in place; anything less counts as 0.',
  caution:
    'It is not UniDet: OWL-ViT finds other boxes, looks for any word instead of 722 labels, counts them from a confidence of 0.1 instead of 0.5, and its confidences are lower, so that a full score is rare. Compare it with itself only. It says nothing about prompts without one of the phrases "next to", "near", "on side of", "on the left, right, top or bottom of". Objects come from a small tagger, not from spaCy.',
  range: [0, 1],
  format: 'number',
  network: { model: 'owlvit-b32', pixels: 'owlvit' },
  parts: [
    { key: 'both', title: 'Both objects found' },
    { key: 'position', title: 'In its place' },
  ],
} as const satisfies Metric;
