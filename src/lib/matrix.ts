/**
 * Dense real matrices row by row: the few products that decompositions need, in float64. Entries are of the range of
 * float32, so that no square of one overflows or vanishes.
 */

export type Matrix = {
  readonly rows: number;
  readonly columns: number;
  /** rows x columns, one row after another. */
  readonly data: Float64Array | Float32Array;
};

/** A B. */
export function multiply(a: Matrix, b: Matrix): Matrix {
  const [rows, inner, columns] = [a.rows, a.columns, b.columns];
  const data = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const out = data.subarray(row * columns, (row + 1) * columns);
    for (let k = 0; k < inner; k++) addScaled(out, a.data[row * inner + k] as number, b.data, k * columns);
  }
  return { rows, columns, data };
}

/** A^T B. */
export function multiplyTransposed(a: Matrix, b: Matrix): Matrix {
  const [rows, columns] = [a.columns, b.columns];
  const data = new Float64Array(rows * columns);
  for (let k = 0; k < a.rows; k++) {
    for (let row = 0; row < rows; row++) {
      const out = data.subarray(row * columns, (row + 1) * columns);
      addScaled(out, a.data[k * rows + row] as number, b.data, k * columns);
    }
  }
  return { rows, columns, data };
}

/** out += factor b[from ...]. */
function addScaled(out: Float64Array, factor: number, b: Matrix['data'], from: number): void {
  if (factor === 0) return;
  for (let i = 0; i < out.length; i++) out[i] = (out[i] as number) + factor * (b[from + i] as number);
}

export function transpose(a: Matrix): Matrix {
  const { rows, columns } = a;
  const data = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      data[column * rows + row] = a.data[row * columns + column] as number;
    }
  }
  return { rows: columns, columns: rows, data };
}

/**
 * A = Q R with orthonormal columns in Q [rows, columns] and R [columns, columns] upper triangular, for rows >= columns.
 * Gram-Schmidt, twice, which leaves Q orthogonal to the last bits (Giraud et al. 2005). A column that depends on those
 * before it becomes zero in Q, and its diagonal entry in R too, so that Q R is A all the same.
 */
export function orthonormalize(a: Matrix): { readonly q: Matrix; readonly r: Matrix } {
  const { rows, columns } = a;
  const vectors = transpose(a).data as Float64Array;
  const r = new Float64Array(columns * columns);
  for (let j = 0; j < columns; j++) {
    const vector = vectors.subarray(j * rows, (j + 1) * rows);
    const before = length(vector);
    for (let pass = 0; pass < 2; pass++) {
      for (let i = 0; i < j; i++) {
        const other = vectors.subarray(i * rows, (i + 1) * rows);
        const along = dot(other, vector);
        r[i * columns + j] = (r[i * columns + j] as number) + along;
        for (let k = 0; k < rows; k++) vector[k] = (vector[k] as number) - along * (other[k] as number);
      }
    }
    const rest = length(vector);
    const independent = rest > before * DEPENDENT;
    r[j * columns + j] = independent ? rest : 0;
    for (let k = 0; k < rows; k++) vector[k] = independent ? (vector[k] as number) / rest : 0;
  }
  return {
    q: transpose({ rows: columns, columns: rows, data: vectors }),
    r: { rows: columns, columns, data: r },
  };
}
/** Share of a column that is left by rounding alone. */
const DEPENDENT = 1e-14;

/** Sum of products. */
export function dot(a: Matrix['data'], b: Matrix['data']): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function length(a: Float64Array): number {
  return Math.sqrt(dot(a, a));
}
