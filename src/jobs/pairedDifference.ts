import type { Interval } from '../contract/events.ts';
import { pairedBootstrap } from '../lib/stats.ts';

/** Mean of a - b over pairs with its 95% bootstrap interval. */
export function pairedDifference(a: readonly number[], b: readonly number[], seed: number): Interval {
  const { estimate, low, high } = pairedBootstrap(a, b, { seed });
  return { mean: estimate, low, high };
}
