/** Group normalization with optional SiLU on [samples, pixels, channels]; channels divisible by 4. */
import { multiplyAdd, sigmoid4, siluSlope4 } from './vectorMath';

/** Pixels summed in f32 before the sum is added to one in f64, which keeps large images exact. */
const BLOCK: i32 = 64;

/** Bytes that both functions need beside their operands: per channel, two f64 sums and four f32 values. */
export function groupNormScratch(channels: i32): usize {
  return <usize>channels * 32;
}

/** y = (x - mean) / sqrt(variance + eps) gamma + beta, then SiLU where `silu` is 1. */
export function groupNorm(
  x: usize,
  gamma: usize,
  beta: usize,
  y: usize,
  samples: i32,
  pixels: i32,
  channels: i32,
  groups: i32,
  eps: f64,
  silu: i32,
  scratch: usize,
): void {
  const rowBytes = (<usize>channels) << 2;
  const means = scratch + (rowBytes << 2);
  const scales = means + rowBytes;
  const shifts = scales + rowBytes;
  for (let sample = 0; sample < samples; sample++) {
    statistics(x, pixels, channels, groups, eps, scratch);
    affine(gamma, beta, channels, means, scales, shifts);
    for (let pixel = 0; pixel < pixels; pixel++) {
      for (let at: usize = 0; at < rowBytes; at += 16) {
        const centered = f32x4.sub(v128.load(x + at), v128.load(means + at));
        let value = multiplyAdd(centered, v128.load(scales + at), v128.load(shifts + at));
        if (silu) value = f32x4.mul(value, sigmoid4(value));
        v128.store(y + at, value);
      }
      x += rowBytes;
      y += rowBytes;
    }
  }
}

/**
 * dx = (g - mean(g) - n mean(g n)) / sqrt(variance + eps), with n the normalized x and g = dy gamma, times the slope of
 * SiLU at y where `silu` is 1.
 */
export function groupNormGradient(
  x: usize,
  gamma: usize,
  beta: usize,
  dy: usize,
  dx: usize,
  samples: i32,
  pixels: i32,
  channels: i32,
  groups: i32,
  eps: f64,
  silu: i32,
  scratch: usize,
): void {
  const rowBytes = (<usize>channels) << 2;
  const products = scratch + (rowBytes << 1);
  const means = scratch + (rowBytes << 2);
  const scales = means + rowBytes;
  const shifts = scales + rowBytes;
  const count = <f64>(pixels * (channels / groups));
  for (let sample = 0; sample < samples; sample++) {
    statistics(x, pixels, channels, groups, eps, scratch);
    memory.fill(scratch, 0, rowBytes << 2);
    for (let pixel = 0; pixel < pixels; pixel++) {
      const row = <usize>pixel * rowBytes;
      for (let at: usize = 0; at < rowBytes; at += 16) {
        const normalized = normalize(x + row, means, scales, shifts, at);
        const weight = v128.load(gamma + at);
        let g = f32x4.mul(v128.load(dy + row + at), weight);
        if (silu) {
          g = f32x4.mul(g, siluSlope4(multiplyAdd(normalized, weight, v128.load(beta + at))));
        }
        v128.store(dx + row + at, g);
        addLanes(scratch + (at << 1), g);
        addLanes(products + (at << 1), f32x4.mul(g, normalized));
      }
    }
    spreadMeans(scratch, channels, groups, count);
    spreadMeans(products, channels, groups, count);
    for (let pixel = 0; pixel < pixels; pixel++) {
      const row = <usize>pixel * rowBytes;
      for (let at: usize = 0; at < rowBytes; at += 16) {
        const normalized = normalize(x + row, means, scales, shifts, at);
        const g = f32x4.sub(v128.load(dx + row + at), v128.load(scratch + at));
        const rest = f32x4.sub(g, f32x4.mul(normalized, v128.load(products + at)));
        v128.store(dx + row + at, f32x4.mul(rest, v128.load(scales + at)));
      }
    }
    const bytes = <usize>pixels * rowBytes;
    x += bytes;
    dy += bytes;
    dx += bytes;
  }
}

function normalize(x: usize, means: usize, scales: usize, shifts: usize, at: usize): v128 {
  const centered = f32x4.sub(v128.load(x + at), v128.load(means + at));
  return multiplyAdd(centered, v128.load(scales + at), v128.load(shifts + at));
}

/**
 * Per channel, behind two f64 sums: the mean in f32, 1 / sqrt(variance + eps), and minus the mean of what that mean leaves,
 * times the same. It is the rounding of the mean, which counts where the spread is far smaller than the mean.
 */
function statistics(x: usize, pixels: i32, channels: i32, groups: i32, eps: f64, scratch: usize): void {
  const size = channels / groups;
  const count = <f64>(pixels * size);
  const rowBytes = (<usize>channels) << 2;
  const squares = scratch + (rowBytes << 1);
  const means = scratch + (rowBytes << 2);
  const scales = means + rowBytes;
  const shifts = scales + rowBytes;
  memory.fill(scratch, 0, rowBytes << 1);
  sumChannels(x, pixels, rowBytes, scratch);
  for (let group = 0; group < groups; group++) {
    const first = <usize>(group * size);
    const mean = <f32>(sumGroup(scratch + (first << 3), size) / count);
    for (let i: usize = first; i < first + <usize>size; i++) store<f32>(means + (i << 2), mean);
  }
  memory.fill(scratch, 0, rowBytes << 2);
  sumCentered(x, means, pixels, rowBytes, scratch, squares);
  for (let group = 0; group < groups; group++) {
    const first = <usize>(group * size);
    const rest = sumGroup(scratch + (first << 3), size) / count;
    const variance = max(sumGroup(squares + (first << 3), size) / count - rest * rest, 0);
    const inverse = 1 / sqrt(variance + eps);
    for (let i: usize = first; i < first + <usize>size; i++) {
      store<f32>(scales + (i << 2), <f32>inverse);
      store<f32>(shifts + (i << 2), <f32>(-rest * inverse));
    }
  }
}

/** Puts gamma and beta into scale and shift. */
function affine(gamma: usize, beta: usize, channels: i32, means: usize, scales: usize, shifts: usize): void {
  const end = means + ((<usize>channels) << 2);
  while (means < end) {
    const weight = v128.load(gamma);
    v128.store(scales, f32x4.mul(v128.load(scales), weight));
    v128.store(shifts, multiplyAdd(v128.load(shifts), weight, v128.load(beta)));
    gamma += 16;
    beta += 16;
    means += 16;
    scales += 16;
    shifts += 16;
  }
}

function sumChannels(x: usize, pixels: i32, rowBytes: usize, totals: usize): void {
  for (let from = 0; from < pixels; from += BLOCK) {
    const count = min(pixels - from, BLOCK);
    for (let at: usize = 0; at < rowBytes; at += 16) {
      let sum = f32x4.splat(0);
      let source = x + at;
      for (let i = 0; i < count; i++) {
        sum = f32x4.add(sum, v128.load(source));
        source += rowBytes;
      }
      addLanes(totals + (at << 1), sum);
    }
    x += <usize>count * rowBytes;
  }
}

/** Sums of x - mean and of its square. */
function sumCentered(
  x: usize,
  means: usize,
  pixels: i32,
  rowBytes: usize,
  totals: usize,
  squares: usize,
): void {
  for (let from = 0; from < pixels; from += BLOCK) {
    const count = min(pixels - from, BLOCK);
    for (let at: usize = 0; at < rowBytes; at += 16) {
      const mean = v128.load(means + at);
      let sum = f32x4.splat(0);
      let square = f32x4.splat(0);
      let source = x + at;
      for (let i = 0; i < count; i++) {
        const centered = f32x4.sub(v128.load(source), mean);
        sum = f32x4.add(sum, centered);
        square = multiplyAdd(centered, centered, square);
        source += rowBytes;
      }
      addLanes(totals + (at << 1), sum);
      addLanes(squares + (at << 1), square);
    }
    x += <usize>count * rowBytes;
  }
}

/** Adds four f32 lanes to four f64 in memory. */
function addLanes(totals: usize, x: v128): void {
  const low = f64x2.promote_low_f32x4(x);
  const high = f64x2.promote_low_f32x4(v128.shuffle<f32>(x, x, 2, 3, 0, 1));
  v128.store(totals, f64x2.add(v128.load(totals), low));
  v128.store(totals, f64x2.add(v128.load(totals, 16), high), 16);
}

function sumGroup(totals: usize, size: i32): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < size; i++) sum += load<f64>(totals + ((<usize>i) << 3));
  return sum;
}

/** From f64 sums per channel to the f32 mean of each channel's group, in place (the values shrink to the front). */
function spreadMeans(totals: usize, channels: i32, groups: i32, count: f64): void {
  const size = channels / groups;
  for (let group = 0; group < groups; group++) {
    const first = <usize>(group * size);
    const mean = <f32>(sumGroup(totals + (first << 3), size) / count);
    for (let i = first; i < first + <usize>size; i++) store<f32>(totals + (i << 2), mean);
  }
}
