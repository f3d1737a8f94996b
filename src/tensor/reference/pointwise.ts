/** Plain-loop references in float64 for activations, guidance, DoRA and AdamW. */
import type { AdamWOptions } from '../ops/adamW.ts';

type Values = ArrayLike<number>;

const at = (values: Values, i: number): number => values[i] as number;

/** Error function: Taylor series up to 3, then the continued fraction of erfc (DLMF 7.6.1 and 7.9.1). */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 3) {
    let term = a;
    let sum = a;
    for (let n = 1; Math.abs(term) > 1e-18; n++) {
      term *= -(a * a) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = a;
  for (let n = 60; n > 0; n--) fraction = a + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-a * a) / (fraction * Math.sqrt(Math.PI)));
}

export function referenceSilu(x: Values): Float64Array {
  return Float64Array.from(x, (value) => value / (1 + Math.exp(-value)));
}

export function referenceGelu(x: Values, kind: 'erf' | 'quick'): Float64Array {
  if (kind === 'quick') return Float64Array.from(x, (value) => value / (1 + Math.exp(-1.702 * value)));
  return Float64Array.from(x, (value) => 0.5 * value * (1 + erf(value / Math.SQRT2)));
}

/** x [rows, 2 width] to [rows, width]. */
export function referenceGeglu(x: Values, width: number): Float64Array {
  const rows = x.length / (2 * width);
  const y = new Float64Array(rows * width);
  for (let i = 0; i < y.length; i++) {
    const row = Math.floor(i / width);
    const value = at(x, i + row * width);
    const gated = at(x, i + (row + 1) * width);
    y[i] = value * 0.5 * gated * (1 + erf(gated / Math.SQRT2));
  }
  return y;
}

/** noise [2N, size], the unconditional half first. */
export function referenceNoiseDifference(
  noise: Values,
  samples: number,
  guidance: number,
): { guided: Float64Array; squaredDifference: Float64Array } {
  const size = noise.length / (2 * samples);
  const guided = new Float64Array(samples * size);
  const squaredDifference = new Float64Array(samples);
  for (let i = 0; i < guided.length; i++) {
    const epsUncond = at(noise, i);
    const deltaEps = at(noise, i + samples * size) - epsUncond;
    const sample = Math.floor(i / size);
    guided[i] = epsUncond + guidance * deltaEps;
    squaredDifference[sample] = at(squaredDifference, sample) + deltaEps ** 2;
  }
  return { guided, squaredDifference };
}

/** (base + scaling ab) magnitude / weightNorm + bias over rows of the width of `magnitude`. */
export function referenceDoraEpilogue(
  base: Values,
  ab: Values,
  magnitude: Values,
  weightNorm: Values,
  bias: Values | null,
  scaling: number,
): Float64Array {
  const width = magnitude.length;
  return Float64Array.from(base, (value, i) => {
    const c = i % width;
    const y = ((value + scaling * at(ab, i)) * at(magnitude, c)) / at(weightNorm, c);
    return bias === null ? y : y + at(bias, c);
  });
}

/** Column norms of w + scaling a b; w [inner, columns], a [inner, rank], b [rank, columns]. */
export function referenceDoraWeightNorm(
  w: Values,
  a: Values,
  b: Values,
  [inner, columns, rank]: readonly [number, number, number],
  scaling: number,
): Float64Array {
  const squares = new Float64Array(columns);
  for (let k = 0; k < inner; k++) {
    for (let column = 0; column < columns; column++) {
      let update = 0;
      for (let r = 0; r < rank; r++) update += at(a, k * rank + r) * at(b, r * columns + column);
      squares[column] = at(squares, column) + (at(w, k * columns + column) + scaling * update) ** 2;
    }
  }
  return squares.map(Math.sqrt);
}

/** One AdamW step of one parameter, as `torch.optim.AdamW`. */
export function referenceAdamW(
  param: Values,
  gradient: Values,
  m: Values,
  v: Values,
  o: AdamWOptions,
): { param: Float64Array; m: Float64Array; v: Float64Array } {
  const newM = Float64Array.from(m, (value, i) => o.beta1 * value + (1 - o.beta1) * at(gradient, i));
  const newV = Float64Array.from(v, (value, i) => o.beta2 * value + (1 - o.beta2) * at(gradient, i) ** 2);
  const newParam = Float64Array.from(param, (value, i) => {
    const denominator = Math.sqrt(at(newV, i)) / Math.sqrt(1 - o.beta2 ** o.step) + o.eps;
    return (
      value * (1 - o.lr * o.weightDecay) - ((o.lr / (1 - o.beta1 ** o.step)) * at(newM, i)) / denominator
    );
  });
  return { param: newParam, m: newM, v: newV };
}
