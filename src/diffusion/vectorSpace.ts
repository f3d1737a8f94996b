/**
 * The one operation diffusion math needs from whatever holds a latent.
 *
 * Schedulers, noising and parametrizations are linear, so they are written against a single
 * `combine`. The same code runs on plain arrays in a test and on tensors in the engine, where
 * each `combine` is one dispatch.
 */

/** A coefficient and the vector it multiplies. */
export type Term<T> = readonly [coefficient: number, vector: T];

/** Linear combinations of vectors of one shape. */
export interface VectorSpace<T> {
  /**
   * Returns a new vector: the sum over terms of coefficient x vector. Never changes its arguments.
   * There is at least one term; all vectors have one shape.
   */
  combine(terms: readonly Term<T>[]): T;
}

/** A vector space that can also average squares, which Gaussian densities need. */
export interface NormedSpace<T> extends VectorSpace<T> {
  /** Mean over all elements of the squared element. */
  meanSquare(x: T): number;
}

/** Float32 storage with float64 arithmetic: each result is rounded once, when it is stored. */
export const float32Space: NormedSpace<Float32Array> = {
  combine(terms) {
    const size = terms[0]?.[1].length ?? 0;
    const sum = new Float64Array(size);
    for (const [coefficient, x] of terms) {
      for (let j = 0; j < size; j++) sum[j] = (sum[j] ?? 0) + coefficient * (x[j] ?? 0);
    }
    return Float32Array.from(sum);
  },
  meanSquare(x) {
    let sum = 0;
    for (const value of x) sum += value * value;
    return sum / x.length;
  },
};
