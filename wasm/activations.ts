/** SiLU and GEGLU with gradients; sizes divisible by 4. */
import { exp4, multiplyAdd, normalCdf4, sigmoid4, siluSlope4 } from './vectorMath';

/** 1 / sqrt(2 pi) */
const DENSITY_AT_ZERO: f32 = 0.3989422804;

/** y = x sigmoid(x). */
export function silu(x: usize, y: usize, size: i32): void {
  const bytes = (<usize>size) << 2;
  for (let at: usize = 0; at < bytes; at += 16) {
    const value = v128.load(x + at);
    v128.store(y + at, f32x4.mul(value, sigmoid4(value)));
  }
}

export function siluGradient(x: usize, dy: usize, dx: usize, size: i32): void {
  const bytes = (<usize>size) << 2;
  for (let at: usize = 0; at < bytes; at += 16) {
    v128.store(dx + at, f32x4.mul(v128.load(dy + at), siluSlope4(v128.load(x + at))));
  }
}

/** y [rows, width] = first half of x [rows, 2 width] times GELU of its second half. */
export function geglu(x: usize, y: usize, rows: i32, width: i32): void {
  const half = (<usize>width) << 2;
  for (let row = 0; row < rows; row++) {
    for (let at: usize = 0; at < half; at += 16) {
      const gate = v128.load(x + half + at);
      const gated = f32x4.mul(gate, normalCdf4(gate));
      v128.store(y + at, f32x4.mul(v128.load(x + at), gated));
    }
    x += half << 1;
    y += half;
  }
}

export function gegluGradient(x: usize, dy: usize, dx: usize, rows: i32, width: i32): void {
  const half = (<usize>width) << 2;
  for (let row = 0; row < rows; row++) {
    for (let at: usize = 0; at < half; at += 16) {
      const value = v128.load(x + at);
      const gate = v128.load(x + half + at);
      const upstream = v128.load(dy + at);
      const cdf = normalCdf4(gate);
      const exponent = f32x4.mul(f32x4.mul(gate, gate), f32x4.splat(-0.5));
      const density = f32x4.mul(exp4(exponent), f32x4.splat(DENSITY_AT_ZERO));
      const slope = multiplyAdd(gate, density, cdf);
      v128.store(dx + at, f32x4.mul(upstream, f32x4.mul(gate, cdf)));
      v128.store(dx + half + at, f32x4.mul(f32x4.mul(upstream, value), slope));
    }
    x += half << 1;
    dx += half << 1;
    dy += half;
  }
}
