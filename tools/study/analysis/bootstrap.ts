/** Intervals over prompts and seeds together, and what an interval says. */
import { BOOTSTRAP, FEWEST_PROMPTS } from '../../../src/analysis/summary.ts';
import { uniformInt } from '../../../src/lib/philox.ts';
import { type ConfidenceInterval, mean, quantile } from '../../../src/lib/stats.ts';

/**
 * Mean of a table [seed][prompt] with its 95% interval: seeds and prompts are both drawn anew, each as a whole, so
 * that an adapter's luck counts once and not once per prompt. With a single seed it is the interval over prompts.
 */
export function crossedBootstrap(table: readonly (readonly number[])[]): ConfidenceInterval {
  const estimate = mean(table.flat());
  const seeds = table.length;
  const prompts = table[0]?.length ?? 0;
  if (seeds === 0 || prompts < FEWEST_PROMPTS) {
    return { estimate: seeds * prompts === 0 ? Number.NaN : estimate, low: Number.NaN, high: Number.NaN };
  }
  const replicates = Array.from({ length: BOOTSTRAP.resamples }, (_, resample) => {
    const rows = draws(resample, 0, seeds);
    const columns = draws(resample, seeds, prompts);
    let sum = 0;
    for (const row of rows) for (const column of columns) sum += table[row]?.[column] ?? Number.NaN;
    return sum / (seeds * prompts);
  });
  return { estimate, low: quantile(replicates, 0.025), high: quantile(replicates, 0.975) };
}

/** `count` indices below `count`, with replacement; the same for every table of that shape, so made once. */
function draws(resample: number, offset: number, count: number): readonly number[] {
  const key = `${resample}/${offset}/${count}`;
  const known = drawn.get(key);
  if (known !== undefined) return known;
  const made = Array.from({ length: count }, (_, i) =>
    uniformInt(BOOTSTRAP.seed, resample, offset + i, count),
  );
  drawn.set(key, made);
  return made;
}
const drawn = new Map<string, readonly number[]>();

/** What an interval says about a difference. */
export type Finding = 'positive' | 'negative' | 'open' | 'none';

/** `open`: the interval contains 0. `none`: there is no interval. */
export function findingOf({ low, high }: Pick<ConfidenceInterval, 'low' | 'high'>): Finding {
  if (Number.isNaN(low) || Number.isNaN(high)) return 'none';
  if (low > 0) return 'positive';
  return high < 0 ? 'negative' : 'open';
}
