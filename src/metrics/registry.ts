/** The metrics there are, one line each. */
import { blipVqa, blipVqa384 } from './blipVqa.ts';
import { clipScore } from './clipScore.ts';
import { exactShapes } from './exactShapes.ts';
import { hpsV2 } from './hpsV2.ts';
import type { Metric } from './metric.ts';
import { pickScore } from './pickScore.ts';
import { shapesClip } from './shapesClip.ts';
import { threeInOneStyle } from './threeInOneStyle.ts';
import { unidetStyle } from './unidetStyle.ts';

export const METRICS: readonly Metric[] = [
  exactShapes,
  shapesClip,
  clipScore,
  blipVqa,
  blipVqa384,
  hpsV2,
  pickScore,
  unidetStyle,
  threeInOneStyle,
];

/** The metric of that name; null for one that this version does not know, as runs of another version may have. */
export function metricOf(name: string): Metric | null {
  return METRICS.find((metric) => metric.name === name) ?? null;
}
