/** Layer normalization of rows; widths divisible by 4. */
import { multiplyAdd, sumLanes } from './vectorMath';

/** y = (x - mean) / sqrt(variance + eps) gamma + beta for each row of `width` values. */
export function layerNorm(
  x: usize,
  gamma: usize,
  beta: usize,
  y: usize,
  rows: i32,
  width: i32,
  eps: f32,
): void {
  const rowBytes = (<usize>width) << 2;
  for (let row = 0; row < rows; row++) {
    const mean = f32x4.splat(meanOf(x, rowBytes, width));
    const inverse = f32x4.splat(inverseStd(x, mean, rowBytes, width, eps));
    for (let at: usize = 0; at < rowBytes; at += 16) {
      const normalized = f32x4.mul(f32x4.sub(v128.load(x + at), mean), inverse);
      v128.store(y + at, multiplyAdd(normalized, v128.load(gamma + at), v128.load(beta + at)));
    }
    x += rowBytes;
    y += rowBytes;
  }
}

/** dx = (g - mean(g) - n mean(g n)) / sqrt(variance + eps), with n the normalized x and g = dy gamma. */
export function layerNormGradient(
  x: usize,
  gamma: usize,
  dy: usize,
  dx: usize,
  rows: i32,
  width: i32,
  eps: f32,
): void {
  const rowBytes = (<usize>width) << 2;
  for (let row = 0; row < rows; row++) {
    const mean = f32x4.splat(meanOf(x, rowBytes, width));
    const inverse = f32x4.splat(inverseStd(x, mean, rowBytes, width, eps));
    let sums = f32x4.splat(0);
    let products = f32x4.splat(0);
    for (let at: usize = 0; at < rowBytes; at += 16) {
      const normalized = f32x4.mul(f32x4.sub(v128.load(x + at), mean), inverse);
      const g = f32x4.mul(v128.load(dy + at), v128.load(gamma + at));
      sums = f32x4.add(sums, g);
      products = multiplyAdd(g, normalized, products);
    }
    const meanG = f32x4.splat(sumLanes(sums) / <f32>width);
    const meanProduct = f32x4.splat(sumLanes(products) / <f32>width);
    for (let at: usize = 0; at < rowBytes; at += 16) {
      const normalized = f32x4.mul(f32x4.sub(v128.load(x + at), mean), inverse);
      const g = f32x4.mul(v128.load(dy + at), v128.load(gamma + at));
      const rest = f32x4.sub(f32x4.sub(g, meanG), f32x4.mul(normalized, meanProduct));
      v128.store(dx + at, f32x4.mul(rest, inverse));
    }
    x += rowBytes;
    dy += rowBytes;
    dx += rowBytes;
  }
}

function meanOf(x: usize, rowBytes: usize, width: i32): f32 {
  let sums = f32x4.splat(0);
  for (let at: usize = 0; at < rowBytes; at += 16) sums = f32x4.add(sums, v128.load(x + at));
  return sumLanes(sums) / <f32>width;
}

function inverseStd(x: usize, mean: v128, rowBytes: usize, width: i32, eps: f32): f32 {
  let sums = f32x4.splat(0);
  for (let at: usize = 0; at < rowBytes; at += 16) {
    const centered = f32x4.sub(v128.load(x + at), mean);
    sums = multiplyAdd(centered, centered, sums);
  }
  return 1.0 / sqrt<f32>(sumLanes(sums) / <f32>width + eps);
}
