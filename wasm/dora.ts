/** DoRA's layers [rows, width] and their gradients; widths divisible by 4. Sums go in the order of rows. */
import { multiplyAdd } from './vectorMath';

/** y = (base + scaling ab) magnitude / norm + bias, the latter unless its address is 0. */
export function doraEpilogue(
  base: usize,
  ab: usize,
  magnitude: usize,
  norm: usize,
  bias: usize,
  y: usize,
  rows: i32,
  width: i32,
  scaling: f32,
): void {
  const rowBytes = (<usize>width) << 2;
  const factor = f32x4.splat(scaling);
  for (let column: usize = 0; column < rowBytes; column += 16) {
    const ratio = f32x4.div(v128.load(magnitude + column), v128.load(norm + column));
    const offset = bias === 0 ? f32x4.splat(0) : v128.load(bias + column);
    const end = <usize>rows * rowBytes;
    for (let at = column; at < end; at += rowBytes) {
      const sum = multiplyAdd(v128.load(ab + at), factor, v128.load(base + at));
      v128.store(y + at, bias === 0 ? f32x4.mul(sum, ratio) : multiplyAdd(sum, ratio, offset));
    }
  }
}

/** out = dy magnitude / norm times a factor. */
export function doraScale(
  dy: usize,
  magnitude: usize,
  norm: usize,
  out: usize,
  rows: i32,
  width: i32,
  factor: f32,
): void {
  const rowBytes = (<usize>width) << 2;
  const end = <usize>rows * rowBytes;
  for (let column: usize = 0; column < rowBytes; column += 16) {
    const ratio = f32x4.div(v128.load(magnitude + column), v128.load(norm + column));
    const scaled = f32x4.mul(ratio, f32x4.splat(factor));
    for (let at = column; at < end; at += rowBytes)
      v128.store(out + at, f32x4.mul(v128.load(dy + at), scaled));
  }
}

/** out [width] = sum over rows of dy (base + scaling ab), over norm. */
export function doraMagnitudeGradient(
  dy: usize,
  base: usize,
  ab: usize,
  norm: usize,
  out: usize,
  rows: i32,
  width: i32,
  scaling: f32,
): void {
  const rowBytes = (<usize>width) << 2;
  const factor = f32x4.splat(scaling);
  const end = <usize>rows * rowBytes;
  for (let column: usize = 0; column < rowBytes; column += 16) {
    let total = f32x4.splat(0);
    for (let at = column; at < end; at += rowBytes) {
      const sum = multiplyAdd(v128.load(ab + at), factor, v128.load(base + at));
      total = multiplyAdd(v128.load(dy + at), sum, total);
    }
    v128.store(out + column, f32x4.div(total, v128.load(norm + column)));
  }
}

/** out [width] = the Euclidean norms of the columns of w + scaling a b, with a [rows, rank] and b [rank, width]. */
export function doraWeightNorm(
  w: usize,
  a: usize,
  b: usize,
  out: usize,
  rows: i32,
  width: i32,
  rank: i32,
  scaling: f32,
): void {
  const rowBytes = (<usize>width) << 2;
  const rankBytes = (<usize>rank) << 2;
  const factor = f32x4.splat(scaling);
  const whole = rows & -4;
  for (let column: usize = 0; column < rowBytes; column += 16) {
    let total = f32x4.splat(0);
    let at = w + column;
    let left = a;
    for (let row = 0; row < whole; row += 4) {
      // Four rows at once, so that their sums do not wait for each other.
      let sum0 = f32x4.splat(0);
      let sum1 = f32x4.splat(0);
      let sum2 = f32x4.splat(0);
      let sum3 = f32x4.splat(0);
      let right = b + column;
      for (let r: usize = 0; r < rankBytes; r += 4) {
        const x = v128.load(right);
        sum0 = multiplyAdd(v128.load_splat<f32>(left + r), x, sum0);
        sum1 = multiplyAdd(v128.load_splat<f32>(left + rankBytes + r), x, sum1);
        sum2 = multiplyAdd(v128.load_splat<f32>(left + 2 * rankBytes + r), x, sum2);
        sum3 = multiplyAdd(v128.load_splat<f32>(left + 3 * rankBytes + r), x, sum3);
        right += rowBytes;
      }
      total = addSquare(at, sum0, factor, total);
      total = addSquare(at + rowBytes, sum1, factor, total);
      total = addSquare(at + 2 * rowBytes, sum2, factor, total);
      total = addSquare(at + 3 * rowBytes, sum3, factor, total);
      at += rowBytes << 2;
      left += rankBytes << 2;
    }
    for (let row = whole; row < rows; row++) {
      let sum = f32x4.splat(0);
      let right = b + column;
      for (let r: usize = 0; r < rankBytes; r += 4) {
        sum = multiplyAdd(v128.load_splat<f32>(left + r), v128.load(right), sum);
        right += rowBytes;
      }
      total = addSquare(at, sum, factor, total);
      at += rowBytes;
      left += rankBytes;
    }
    v128.store(out + column, f32x4.sqrt(total));
  }
}

/** total + (w + scaling ab)^2 */
function addSquare(w: usize, ab: v128, scaling: v128, total: v128): v128 {
  const adapted = multiplyAdd(ab, scaling, v128.load(w));
  return multiplyAdd(adapted, adapted, total);
}
