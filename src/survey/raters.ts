/**
 * Whether respondents agree: Krippendorff's alpha for two values, selected and not selected. Respondents see different
 * prompts, so that images have different numbers of answers and most pairs of respondents share none; Fleiss' kappa
 * wants the same number everywhere, alpha does not.
 *
 * Krippendorff, "Computing Krippendorff's alpha-reliability", 2011, nominal data.
 */
import { BOOTSTRAP, FEWEST_PROMPTS } from '../analysis/summary.ts';
import { bootstrapInterval, type ConfidenceInterval } from '../lib/stats.ts';
import type { AnswerFile } from './answers.ts';

/**
 * 1 - observed / expected disagreement; 1 for full agreement, 0 for what chance gives. NaN if all values are equal or
 * no unit has two.
 *
 * @param units the values that each unit was given, by any number of raters
 */
export function krippendorffAlpha(units: readonly (readonly number[])[]): number {
  const counts = new Map<number, number>();
  let pairable = 0;
  let disagreement = 0;
  for (const values of units) {
    if (values.length < 2) continue;
    const own = new Map<number, number>();
    for (const value of values) {
      own.set(value, (own.get(value) ?? 0) + 1);
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    pairable += values.length;
    for (const count of own.values()) disagreement += (count * (values.length - count)) / (values.length - 1);
  }
  let expected = 0;
  for (const count of counts.values()) expected += count * (pairable - count);
  return 1 - (disagreement * (pairable - 1)) / expected;
}

type RaterAgreement = {
  /** Over all images, with a 95% interval over prompts (none for fewer than four). */
  readonly alpha: ConfidenceInterval;
  readonly byColumn: readonly { readonly column: string; readonly alpha: number }[];
  /** Prompts that at least two respondents saw. */
  readonly prompts: number;
  /** Answers about images that at least two respondents saw. */
  readonly values: number;
};

/** @param files of one campaign, with the same columns */
export function raterAgreement(files: readonly AnswerFile[]): RaterAgreement {
  const columns = files[0]?.columns ?? [];
  /** By prompt: for each column the values given. */
  const byPrompt = new Map<string, number[][]>();
  for (const { answers } of files) {
    for (const { category, prompt, selected } of answers) {
      const key = JSON.stringify([category, prompt]);
      const units = byPrompt.get(key) ?? columns.map((): number[] => []);
      for (const [i, chosen] of selected.entries()) units[i]?.push(chosen ? 1 : 0);
      byPrompt.set(key, units);
    }
  }
  const shared = [...byPrompt.values()].filter(([first]) => (first?.length ?? 0) > 1);
  const alphaOf = (sample: readonly number[][][]) => krippendorffAlpha(sample.flat());
  const point = { estimate: alphaOf(shared), low: Number.NaN, high: Number.NaN };
  return {
    alpha: shared.length < FEWEST_PROMPTS ? point : bootstrapInterval(shared, alphaOf, BOOTSTRAP),
    byColumn: columns.map((column, i) => ({
      column,
      alpha: krippendorffAlpha(shared.map((units) => units[i] ?? [])),
    })),
    prompts: shared.length,
    values: shared.flat(2).length,
  };
}
