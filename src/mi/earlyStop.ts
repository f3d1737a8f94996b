/** Which candidates of a prompt are worth drawing to the end, by what their score has of the first steps. */
import { selectCandidates } from './select.ts';

/** A candidate with the part of its score that is known. */
export type PartialScore = { readonly candidate: number; readonly score: number };

/** Candidates of one prompt that are drawn together. */
export type CutGroup = {
  /** Those that are being drawn, in the order of their rows. */
  readonly candidates: readonly number[];
  /** The prompt's others, which were drawn or stopped before. */
  readonly known: readonly PartialScore[];
  /** How many of all of them go on. */
  readonly goOn: number;
};

/** Where rows are compared on their way, as plain data. */
export type Cut = {
  /** After so many steps. */
  readonly steps: number;
  /** What each of these steps' terms counts in the score (`scoreCoefficients` of the whole path). */
  readonly coefficients: readonly number[];
  /** All rows, one group after another. */
  readonly groups: readonly CutGroup[];
};

/**
 * What the first terms add to the score. It orders as the score of a path that ends there would, except with `dlogsnr`,
 * whose last weight of such a path stands for all that was not visited.
 * @param squaredDifference of the first steps or of more. In float32, as it is stored: decisions are made again after a stop.
 */
export function scoreSoFar(coefficients: readonly number[], squaredDifference: ArrayLike<number>): number {
  return coefficients.reduce((sum, c, i) => sum + c * Math.fround(squaredDifference[i] as number), 0);
}

/**
 * The rows that go on, and those that do not with their score so far; of equal scores the lower candidate goes on. Who
 * goes on depends on all candidates of the prompt alone, not on which of them are drawn now.
 * @param squaredDifference [row][step]
 */
export function cutRows(
  { coefficients, groups }: Cut,
  squaredDifference: readonly (readonly number[])[],
): {
  readonly goOn: readonly number[];
  readonly stopped: readonly { readonly row: number; readonly score: number }[];
} {
  const rows = groups
    .flatMap(({ candidates }, promptIndex) => candidates.map((candidate) => ({ promptIndex, candidate })))
    .map((of, row) => ({
      ...of,
      row,
      score: scoreSoFar(coefficients, squaredDifference[row] as readonly number[]),
    }));
  const goesOn = new Set(
    groups.flatMap(({ known, goOn }, promptIndex) => {
      const own = rows.filter((row) => row.promptIndex === promptIndex);
      const others = known.map((other) => ({ ...other, promptIndex, row: -1 }));
      return selectCandidates([...own, ...others], { keep: goOn }).selected.map(({ row }) => row);
    }),
  );
  return {
    goOn: rows.filter(({ row }) => goesOn.has(row)).map(({ row }) => row),
    stopped: rows.filter(({ row }) => !goesOn.has(row)).map(({ row, score }) => ({ row, score })),
  };
}
