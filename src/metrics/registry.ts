/** The metrics there are, one line each. */
import { blipVqa, blipVqa384 } from './blipVqa.ts';
import { clipScore, hpsV2, pickScore, shapesClip } from './clipMetrics.ts';
import { exactShapes } from './exactShapes.ts';
import type { Metric } from './metric.ts';
import { threeInOneStyle, unidetStyle } from './t2iMetrics.ts';

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
