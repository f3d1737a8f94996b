/** From the probabilities of one picture's questions to its score, with T2I-CompBench's rounding. */
import { roundHalfEven } from '../images/preprocess.ts';
import { MAX_QUESTIONS } from './questions.ts';

/**
 * Each probability is written with 4 decimals before the product, which is in float32 and written with 4 decimals again.
 * A picture of a prompt without noun phrases scores 1.
 */
export function blipScore(probabilities: readonly number[]): {
  readonly score: number;
  readonly text: string;
} {
  const product = probabilities
    .slice(0, MAX_QUESTIONS)
    .reduce((value, p) => Math.fround(value * Math.fround(Number(fourDecimals(Math.fround(p))))), 1);
  const text = fourDecimals(product);
  return { score: Number(text), text };
}

/** Python's `'{:.4f}'.format(x)`: exact halves, which are odd multiples of 1/32, go to the even digit; `toFixed` goes up. */
export function fourDecimals(x: number): string {
  const isTie = Math.abs(x * 32) % 2 === 1;
  return isTie ? (roundHalfEven(x * 1e4) / 1e4).toFixed(4) : x.toFixed(4);
}
