/** The metrics there are, one line each. */
import { exactShapes } from './exactShapes.ts';
import type { Metric } from './metric.ts';

export const METRICS: readonly Metric[] = [exactShapes];

/** The metric of that name; null for one that this version does not know, as runs of another version may have. */
export function metricOf(name: string): Metric | null {
  return METRICS.find((metric) => metric.name === name) ?? null;
}
