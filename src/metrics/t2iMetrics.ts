/** Scores of T2I-CompBench (Huang et al. 2023, arXiv:2307.06350) with another detector than its own. */
import type { Metric } from './metric.ts';

/** Its spatial score. */
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

/** Its 3-in-1 score of complex prompts. */
export const threeInOneStyle = {
  name: '3-in-1-style',
  title: '3-in-1, UniDet-style',
  short: '3-in-1',
  summary:
    'Of the benchmark’s complex prompts: the mean of those of BLIP-VQA, the UniDet-style spatial score and CLIPScore (without adjectives) that their kind needs. It is there where these three were measured.',
  caution:
    'Its spatial part is not UniDet’s, and its tags are not spaCy’s: compare it with itself, not with the paper. It says nothing about prompts outside the benchmark’s complex lists.',
  range: [-1, 1],
  format: 'number',
  network: null,
  madeOf: ['blip-vqa', 'unidet-style', 'clip'],
  parts: [],
} as const satisfies Metric;
