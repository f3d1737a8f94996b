/** Means over prompts with intervals: prompts are what is drawn anew, since candidates of one prompt belong together. */
import { bootstrapInterval, type ConfidenceInterval, mean } from '../lib/stats.ts';

export const BOOTSTRAP = { seed: 20_260, resamples: 1000 } as const;

/** Fewer prompts say nothing about prompts in general: the bootstrap would call them certain. */
export const FEWEST_PROMPTS = 4;

/** Mean over prompts with its 95% interval (none below four prompts); prompts without a value (NaN) are left out. */
export type Summary = ConfidenceInterval & { readonly count: number };

/** Mean and interval over the prompts that have a value. */
export function summarize(values: readonly number[]): Summary {
  const known = values.filter((value) => !Number.isNaN(value));
  if (known.length < FEWEST_PROMPTS) {
    const estimate = known.length === 0 ? Number.NaN : mean(known);
    return { estimate, low: Number.NaN, high: Number.NaN, count: known.length };
  }
  return { ...bootstrapInterval(known, mean, BOOTSTRAP), count: known.length };
}

/** Mean difference over prompts that have both values. */
export function summarizeDifference(a: readonly number[], b: readonly number[]): Summary {
  return summarize(a.map((value, i) => value - (b[i] ?? Number.NaN)));
}
