import { exactShapes } from '../../src/metrics/exactShapes.ts';
import type { Meter } from '../../src/metrics/metric.ts';

/** Stands in for a metric: the redder an image, the better. */
export const redness: Meter = {
  metric: exactShapes,
  prepare: async () => undefined,
  asks: async () => [],
  rest: () => undefined,
  measure: async ({ rgba }) => ({
    value: rgba.reduce((sum, x, i) => (i % 4 === 0 ? sum + x : sum), 0) / rgba.length,
  }),
  dispose: () => undefined,
};
