/** T2I-CompBench's 3-in-1 score of complex prompts (Huang et al. 2023, arXiv:2307.06350) with another detector. */
import type { Metric } from './metric.ts';

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
