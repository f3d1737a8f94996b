/** Functions of four floats at once, by polynomials: the same bits on every machine. */

/**
 * sum + x y. The binary with relaxed SIMD rounds once (it is only used where that is so), the other one after each of the
 * two.
 */
export function multiplyAdd(x: v128, y: v128, sum: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(x, y, sum);
  return f32x4.add(sum, f32x4.mul(x, y));
}

/** The sum of the four lanes. */
export function sumLanes(x: v128): f32 {
  const pairs = f32x4.add(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

/** The largest of the four lanes. */
export function maxLanes(x: v128): f32 {
  const pairs = f32x4.max(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
}

/**
 * e^x for x <= 88, relative error below 2e-7; 0 below -87, NaN stays NaN. x = n ln 2 + r with |r| <= ln 2 / 2; e^r by its Taylor
 * polynomial of degree 7 (truncation 5e-9), then n goes into the exponent.
 */
export function exp4(x: v128): v128 {
  const clamped = f32x4.min(f32x4.max(x, f32x4.splat(-87)), f32x4.splat(88));
  const n = f32x4.nearest(f32x4.mul(clamped, f32x4.splat(<f32>Math.LOG2E)));
  // ln 2 in two parts, of which the first has few bits, so that n times it is exact.
  let r = f32x4.sub(clamped, f32x4.mul(n, f32x4.splat(0.693359375)));
  r = multiplyAdd(n, f32x4.splat(2.1219444e-4), r);
  let p = f32x4.splat(1.98412698e-4);
  p = multiplyAdd(p, r, f32x4.splat(1.38888889e-3));
  p = multiplyAdd(p, r, f32x4.splat(8.33333333e-3));
  p = multiplyAdd(p, r, f32x4.splat(4.16666667e-2));
  p = multiplyAdd(p, r, f32x4.splat(1.66666667e-1));
  p = multiplyAdd(p, r, f32x4.splat(0.5));
  p = multiplyAdd(p, r, f32x4.splat(1));
  p = multiplyAdd(p, r, f32x4.splat(1));
  const scale = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
  return v128.andnot(f32x4.mul(p, scale), f32x4.lt(x, f32x4.splat(-87)));
}

/** 1 / (1 + e^-x). */
export function sigmoid4(x: v128): v128 {
  const one = f32x4.splat(1);
  return f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(x))));
}

/**
 * The normal distribution function as 1/2 + x p(x^2) / q(x^2): a minimax fit on |x| <= 5.5 with largest error 2.3e-8, 2e-7
 * in f32. gelu_erf.wgsl has the same.
 */
export function normalCdf4(x: v128): v128 {
  const z = f32x4.min(f32x4.max(x, f32x4.splat(-5.5)), f32x4.splat(5.5));
  const t = f32x4.mul(z, z);
  let p = f32x4.splat(2.22407177e-8);
  p = multiplyAdd(p, t, f32x4.splat(6.47825118e-6));
  p = multiplyAdd(p, t, f32x4.splat(1.79895767e-4));
  p = multiplyAdd(p, t, f32x4.splat(4.74442914e-3));
  p = multiplyAdd(p, t, f32x4.splat(3.48836258e-2));
  p = multiplyAdd(p, t, f32x4.splat(0.398942143));
  let q = f32x4.splat(1.1920805e-6);
  q = multiplyAdd(q, t, f32x4.splat(7.74713335e-5));
  q = multiplyAdd(q, t, f32x4.splat(1.94649887e-3));
  q = multiplyAdd(q, t, f32x4.splat(2.92465128e-2));
  q = multiplyAdd(q, t, f32x4.splat(0.254105031));
  q = multiplyAdd(q, t, f32x4.splat(1));
  return f32x4.add(f32x4.div(f32x4.mul(z, p), q), f32x4.splat(0.5));
}

/** d silu(y) / dy = s (1 + y (1 - s)) with s the sigmoid of y. */
export function siluSlope4(y: v128): v128 {
  const one = f32x4.splat(1);
  const s = sigmoid4(y);
  return f32x4.mul(s, multiplyAdd(y, f32x4.sub(one, s), one));
}
