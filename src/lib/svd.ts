/**
 * Singular value decomposition of real matrices, row by row in float64.
 *
 * Small ones by one-sided Jacobi rotations (Hestenes 1958; Golub and Van Loan, Matrix Computations, section 8.6.3), which
 * is accurate to the last bits also for the small values. Large ones, of which only the leading part is wanted, by
 * randomized subspace iteration (Halko, Martinsson, Tropp 2011, algorithms 4.4 and 5.1) down to a small one.
 */
import { type Matrix, multiply, multiplyTransposed, orthonormalize, transpose } from './matrix.ts';
import { normals } from './philox.ts';

/** A = U diag(s) V^T with s descending. Columns of U and V belong to one value each. */
export type Svd = { readonly u: Matrix; readonly s: Float64Array; readonly v: Matrix };

const MAX_SWEEPS = 60;
/** Cosine between two columns below which they count as orthogonal. */
const ORTHOGONAL = 1e-14;
/** Share of the largest singular value below which one counts as zero. */
const NOTHING = 1e-16;

/** All min(rows, columns) singular values and vectors. Time grows with rows columns^2: for small matrices. */
export function fullSvd(a: Matrix): Svd {
  if (a.rows < a.columns) {
    const { u, s, v } = fullSvd(transpose(a));
    return { u: v, s, v: u };
  }
  // A = Q R first: rotations then work on columns of the small square R.
  const { q, r } = orthonormalize(a);
  const { u, s, v } = jacobi(r);
  return { u: multiply(q, u), s, v };
}

/**
 * The `rank` leading singular values and vectors.
 *
 * @param rank cut to min(rows, columns)
 * @param seed of the random test matrix; the same seed gives the same bits
 */
export function truncatedSvd(a: Matrix, rank: number, seed = 0): Svd {
  const full = Math.min(a.rows, a.columns);
  const kept = Math.min(rank, full);
  const sampled = kept + OVERSAMPLE;
  // Where the sample is not much smaller than the matrix, exact is as fast.
  const whole = 2 * sampled >= full ? fullSvd(a) : sampledSvd(a, sampled, seed);
  return { u: columnsOf(whole.u, kept), s: whole.s.slice(0, kept), v: columnsOf(whole.v, kept) };
}

/** Columns sampled beyond those asked for, and passes over the matrix that sharpen them. */
const OVERSAMPLE = 12;
const ITERATIONS = 3;

function sampledSvd(a: Matrix, sampled: number, seed: number): Svd {
  const test = {
    rows: a.columns,
    columns: sampled,
    data: normals(seed, SAMPLE_STREAM, 0, a.columns * sampled),
  };
  let { q } = orthonormalize(multiply(a, test));
  for (let i = 0; i < ITERATIONS; i++) {
    const back = orthonormalize(multiplyTransposed(a, q)).q;
    q = orthonormalize(multiply(a, back)).q;
  }
  // Q^T A, transposed: [columns, sampled].
  const { u, s, v } = fullSvd(multiplyTransposed(a, q));
  return { u: multiply(q, v), s, v: u };
}
const SAMPLE_STREAM = 0x53564400;

/**
 * The singular value decomposition of a product B A without forming it.
 * @param b [rows, r]
 * @param a [r, columns]
 */
export function productSvd(b: Matrix, a: Matrix): Svd {
  const left = orthonormalize(b);
  const right = orthonormalize(transpose(a));
  const { u, s, v } = fullSvd(multiply(left.r, transpose(right.r)));
  return { u: multiply(left.q, u), s, v: multiply(right.q, v) };
}

/** One-sided Jacobi on a square matrix: rotates pairs of columns of A (and V) until all are orthogonal. */
function jacobi(a: Matrix): Svd {
  const n = a.columns;
  // Columns as rows, so that a rotation walks along memory.
  const work = transpose(a).data as Float64Array;
  const v = new Float64Array(n * n);
  for (let i = 0; i < n; i++) v[i * n + i] = 1;
  const rows = a.rows;
  for (let sweep = 0, rotated = true; rotated && sweep < MAX_SWEEPS; sweep++) {
    rotated = false;
    for (let p = 0; p < n - 1; p++) {
      for (let q = p + 1; q < n; q++) {
        const [pp, qq, pq] = innerProducts(work, p * rows, q * rows, rows);
        if (pq === 0 || Math.abs(pq) <= ORTHOGONAL * Math.sqrt(pp * qq)) continue;
        rotated = true;
        const zeta = (qq - pp) / (2 * pq);
        const tangent = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const cosine = 1 / Math.hypot(1, tangent);
        rotate(work, p * rows, q * rows, rows, cosine, cosine * tangent);
        rotate(v, p * n, q * n, n, cosine, cosine * tangent);
      }
    }
  }
  const found = Array.from({ length: n }, (_, i) => Math.hypot(...work.subarray(i * rows, (i + 1) * rows)));
  // What is lost in the rounding of the largest has no direction.
  const floor = Math.max(...found) * NOTHING;
  const lengths = found.map((length) => (length > floor ? length : 0));
  const order = lengths.map((_, i) => i).sort((i, j) => (lengths[j] as number) - (lengths[i] as number));
  const s = Float64Array.from(order, (i) => lengths[i] as number);
  const unit = new Float64Array(n * rows);
  const sortedV = new Float64Array(n * n);
  for (const [place, i] of order.entries()) {
    const length = lengths[i] as number;
    for (let k = 0; k < rows; k++) {
      unit[place * rows + k] = length === 0 ? 0 : (work[i * rows + k] as number) / length;
    }
    sortedV.set(v.subarray(i * n, (i + 1) * n), place * n);
  }
  return {
    u: transpose({ rows: n, columns: rows, data: unit }),
    s,
    v: transpose({ rows: n, columns: n, data: sortedV }),
  };
}

function innerProducts(data: Float64Array, p: number, q: number, length: number): [number, number, number] {
  let pp = 0;
  let qq = 0;
  let pq = 0;
  for (let k = 0; k < length; k++) {
    const x = data[p + k] as number;
    const y = data[q + k] as number;
    pp += x * x;
    qq += y * y;
    pq += x * y;
  }
  return [pp, qq, pq];
}

function rotate(
  data: Float64Array,
  p: number,
  q: number,
  length: number,
  cosine: number,
  sine: number,
): void {
  for (let k = 0; k < length; k++) {
    const x = data[p + k] as number;
    const y = data[q + k] as number;
    data[p + k] = cosine * x - sine * y;
    data[q + k] = sine * x + cosine * y;
  }
}

function columnsOf(a: Matrix, count: number): Matrix {
  if (count === a.columns) return a;
  const data = new Float64Array(a.rows * count);
  for (let row = 0; row < a.rows; row++) {
    for (let column = 0; column < count; column++) {
      data[row * count + column] = a.data[row * a.columns + column] as number;
    }
  }
  return { rows: a.rows, columns: count, data };
}
