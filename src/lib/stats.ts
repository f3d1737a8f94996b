/** Statistics for scores and comparisons: plain numbers in, plain numbers out, NaN where the value is undefined. */
import { uniformInt } from './philox.ts';

export type ConfidenceInterval = { readonly estimate: number; readonly low: number; readonly high: number };

/** NaN of no values. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Sample standard deviation (divides by n - 1); NaN below two values. */
export function std(values: readonly number[]): number {
  if (values.length < 2) return Number.NaN;
  const center = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - center) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}

/** Standard error of the mean. */
export function standardError(values: readonly number[]): number {
  return std(values) / Math.sqrt(values.length);
}

/** The `p`-quantile, linear between order statistics (Hyndman and Fan's type 7, numpy's default). */
export function quantile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const position = p * (sorted.length - 1);
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position - Math.floor(position));
}

/**
 * Kendall's rank correlation with ties, tau-b = (C - D) / sqrt((n0 - n1)(n0 - n2)): Kendall, "The treatment of ties in
 * ranking problems", Biometrika 33 (1945). NaN when either side is constant. Looks at all n(n - 1)/2 pairs.
 *
 * @param x, y paired values of equal length
 */
export function kendallTauB(x: readonly number[], y: readonly number[]): number {
  if (x.length !== y.length) throw new RangeError(`kendallTauB: ${x.length} values against ${y.length}`);
  let balance = 0; // concordant minus discordant pairs
  let untiedX = 0;
  let untiedY = 0;
  for (let i = 1; i < x.length; i++) {
    for (let j = 0; j < i; j++) {
      const signX = Math.sign((x[i] ?? 0) - (x[j] ?? 0));
      const signY = Math.sign((y[i] ?? 0) - (y[j] ?? 0));
      balance += signX * signY;
      untiedX += Math.abs(signX);
      untiedY += Math.abs(signY);
    }
  }
  return balance / Math.sqrt(untiedX * untiedY);
}

/** Ranks from 1 for the smallest; equals share the mean of the ranks that they take up. */
export function midranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  const ranks = new Array<number>(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && values[order[end] ?? 0] === values[order[start] ?? 0]) end++;
    for (const i of order.slice(start, end)) ranks[i] = (start + 1 + end) / 2;
    start = end;
  }
  return ranks;
}

/**
 * Spearman's rank correlation: the correlation of midranks. NaN when either side is constant.
 *
 * @param x, y paired values of equal length
 */
export function spearmanRho(x: readonly number[], y: readonly number[]): number {
  if (x.length !== y.length) throw new RangeError(`spearmanRho: ${x.length} values against ${y.length}`);
  const center = (x.length + 1) / 2;
  const a = midranks(x).map((rank) => rank - center);
  const b = midranks(y).map((rank) => rank - center);
  const product = (u: readonly number[], v: readonly number[]) =>
    u.reduce((sum, value, i) => sum + value * (v[i] ?? 0), 0);
  return product(a, b) / Math.sqrt(product(a, a) * product(b, b));
}

type BootstrapOptions = {
  readonly seed: number;
  readonly resamples?: number;
  /** Coverage of the interval. */
  readonly level?: number;
};

/** Percentile bootstrap (Efron and Tibshirani, "An Introduction to the Bootstrap", chapter 13). */
export function bootstrapInterval<T>(
  values: readonly T[],
  statistic: (sample: readonly T[]) => number,
  { seed, resamples = 2000, level = 0.95 }: BootstrapOptions,
): ConfidenceInterval {
  const estimate = statistic(values);
  if (values.length === 0) return { estimate, low: Number.NaN, high: Number.NaN };
  const indices = resampleIndices(seed, resamples, values.length);
  const replicates = Array.from({ length: resamples }, (_, replicate) =>
    statistic(values.map((_, i) => values[indices[replicate * values.length + i] as number] as T)),
  );
  const tail = (1 - level) / 2;
  return { estimate, low: quantile(replicates, tail), high: quantile(replicates, 1 - tail) };
}

/**
 * Which values each replicate takes, one after the other. The numbers of a call are kept for the next one: tables have
 * many intervals over the same prompts, and drawing is most of their time.
 */
function resampleIndices(seed: number, resamples: number, count: number): Uint32Array {
  const key = `${seed}/${resamples}/${count}`;
  if (lastDrawn.key !== key) {
    const indices = Uint32Array.from({ length: resamples * count }, (_, place) =>
      uniformInt(seed, Math.floor(place / count), place % count, count),
    );
    lastDrawn = { key, indices };
  }
  return lastDrawn.indices;
}
let lastDrawn = { key: '', indices: new Uint32Array(0) };

/** Interval of the mean difference `a - b` over pairs: what belongs together is resampled together. */
export function pairedBootstrap(
  a: readonly number[],
  b: readonly number[],
  options: BootstrapOptions,
): ConfidenceInterval {
  if (a.length !== b.length) throw new RangeError(`pairedBootstrap: ${a.length} values against ${b.length}`);
  const differences = a.map((value, i) => value - (b[i] ?? 0));
  return bootstrapInterval(differences, mean, options);
}

/**
 * Wilson's score interval of a proportion: Wilson, "Probable inference, the law of succession, and statistical
 * inference", JASA 22 (1927). Sensible at 0 and at all successes, unlike the normal approximation.
 */
export function wilsonInterval(successes: number, trials: number, level = 0.95): ConfidenceInterval {
  const estimate = successes / trials;
  const z = normalQuantile((1 + level) / 2);
  const weight = 1 + z ** 2 / trials;
  const center = (estimate + z ** 2 / (2 * trials)) / weight;
  const spread = Math.sqrt((estimate * (1 - estimate)) / trials + z ** 2 / (4 * trials ** 2));
  const half = (z * spread) / weight;
  return { estimate, low: Math.max(0, center - half), high: Math.min(1, center + half) };
}

/** Inverse of the standard normal distribution, for `p` from 0.5 to 1 - 1e-12, by Newton's method. */
function normalQuantile(p: number): number {
  let z = 0;
  // From 0 the steps only grow z, since the distribution is concave there: no overshoot, no bracket needed.
  for (let i = 0; i < 100; i++) {
    const step = (p - normalDistribution(z)) / normalDensity(z);
    z += step;
    if (Math.abs(step) < 1e-14) break;
  }
  return z;
}

function normalDensity(z: number): number {
  return Math.exp(-(z ** 2) / 2) / Math.sqrt(2 * Math.PI);
}

/** Marsaglia, "Evaluating the normal distribution", J. Stat. Software 11(4), 2004: z + z^3/3 + z^5/(3 5) + ... */
function normalDistribution(z: number): number {
  let sum = z;
  let term = z;
  for (let odd = 3; sum + term !== sum; odd += 2) {
    term *= z ** 2 / odd;
    sum += term;
  }
  return 0.5 + sum * normalDensity(z);
}
