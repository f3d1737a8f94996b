/** Scaled dot-product attention, head by head on panels that stay in the cache. */
import { multiply } from './matmul';
import { pack, packTransposed, transpose } from './pack';
import { matrixRows } from './rowTables';
import { exp4, maxLanes, multiplyAdd, sumLanes } from './vectorMath';

/**
 * o [batch, queries, width] = P v with P = softmax(q k^T / sqrt(width / heads)).
 *
 * @param probs P [batch, heads, queries, keys], written
 * @param start first of the pairs of a sample and a head to work on, `count` of them
 * @param causal 1 hides keys after the query's own position
 * @param scratch `attentionScratch` bytes
 */
export function attend(
  q: usize,
  k: usize,
  v: usize,
  o: usize,
  probs: usize,
  start: i32,
  count: i32,
  heads: i32,
  queries: i32,
  keys: i32,
  width: i32,
  causal: i32,
  scratch: usize,
): void {
  const head = width / heads;
  const pitch = (<usize>width) << 2;
  const headBytes = (<usize>head) << 2;
  const probsPitch = (<usize>keys) << 2;
  const rows = scratch;
  const panels = rows + rowsBytes(max(queries, keys));
  const scale: f32 = 1.0 / sqrt<f32>(<f32>head);
  const ofQueries = <usize>queries * pitch;
  const ofKeys = <usize>keys * pitch;
  probs += <usize>(start * queries) * probsPitch;
  for (let pair = start; pair < start + count; pair++) {
    const sample = <usize>(pair / heads);
    const first = <usize>(pair % heads) * headBytes;
    const right = sample * ofKeys + first;
    const left = sample * ofQueries + first;
    packTransposed(k + right, pitch, panels, headBytes << 3, head, keys);
    matrixRows(q + left, pitch, rows, queries);
    multiply(rows, 1, head, panels, 0, 0, probs, probsPitch, queries, keys);
    softmax(probs, queries, keys, scale, causal);
    pack(v + right, pitch, panels, keys, head);
    matrixRows(probs, probsPitch, rows, queries);
    multiply(rows, 1, keys, panels, 0, 0, o + left, pitch, queries, head);
    probs += <usize>queries * probsPitch;
  }
}

/** Bytes that `attend` and `attendGradient` need beside their operands. */
export function attentionScratch(queries: i32, keys: i32, head: i32): usize {
  const longest = max(queries, keys);
  const panel = (<usize>(longest + 7) & ~7) * (<usize>(head + 7) & ~7);
  return rowsBytes(longest) + (panel << 2) + ((<usize>queries * <usize>keys) << 3);
}

/** e^(scale (x - largest)) over the sum of it, in place, for each row. */
function softmax(x: usize, rows: i32, width: i32, scale: f32, causal: i32): void {
  for (let row = 0; row < rows; row++) {
    const visible = causal ? min(row + 1, width) : width;
    softmaxRow(x, visible, scale);
    for (let i = visible; i < width; i++) store<f32>(x + ((<usize>i) << 2), 0);
    x += (<usize>width) << 2;
  }
}

function softmaxRow(x: usize, width: i32, scale: f32): void {
  const whole = width & -4;
  const end = x + ((<usize>whole) << 2);
  let largest = load<f32>(x);
  if (whole !== 0) {
    let peaks = v128.load(x);
    for (let at = x + 16; at < end; at += 16) peaks = f32x4.max(peaks, v128.load(at));
    largest = maxLanes(peaks);
  }
  for (let i = whole; i < width; i++) largest = max(largest, load<f32>(x + ((<usize>i) << 2)));
  const peak = f32x4.splat(largest);
  const factor = f32x4.splat(scale);
  let sums = f32x4.splat(0);
  for (let at = x; at < end; at += 16) {
    const e = exp4(f32x4.mul(f32x4.sub(v128.load(at), peak), factor));
    v128.store(at, e);
    sums = f32x4.add(sums, e);
  }
  let sum = sumLanes(sums);
  for (let i = whole; i < width; i++) {
    const at = x + ((<usize>i) << 2);
    const e = f32x4.extract_lane(exp4(f32x4.splat((load<f32>(at) - largest) * scale)), 0);
    store<f32>(at, e);
    sum += e;
  }
  const inverse: f32 = 1.0 / sum;
  const inverses = f32x4.splat(inverse);
  for (let at = x; at < end; at += 16) v128.store(at, f32x4.mul(v128.load(at), inverses));
  for (let i = whole; i < width; i++) {
    const at = x + ((<usize>i) << 2);
    store<f32>(at, load<f32>(at) * inverse);
  }
}

/**
 * Gradients of `attend` for dy [batch, queries, width]: dV = P^T dY, dP = dY V^T, dS = P (dP - rowsum(dP P)) / sqrt(d),
 * dQ = dS K, dK = dS^T Q.
 */
export function attendGradient(
  q: usize,
  k: usize,
  v: usize,
  probs: usize,
  dy: usize,
  dq: usize,
  dk: usize,
  dv: usize,
  start: i32,
  count: i32,
  heads: i32,
  queries: i32,
  keys: i32,
  width: i32,
  scratch: usize,
): void {
  const head = width / heads;
  const pitch = (<usize>width) << 2;
  const headBytes = (<usize>head) << 2;
  const size = <usize>queries * <usize>keys;
  const longest = max(queries, keys);
  const rows = scratch;
  const panels = rows + rowsBytes(longest);
  const dScores = panels + (((<usize>(longest + 7) & ~7) * (<usize>(head + 7) & ~7)) << 2);
  const turned = dScores + (size << 2);
  const scale: f32 = 1.0 / sqrt<f32>(<f32>head);
  const ofQueries = <usize>queries * pitch;
  const ofKeys = <usize>keys * pitch;
  probs += <usize>start * (size << 2);
  for (let pair = start; pair < start + count; pair++) {
    const sample = <usize>(pair / heads);
    const first = <usize>(pair % heads) * headBytes;
    const right = sample * ofKeys + first;
    const left = sample * ofQueries + first;
    packTransposed(v + right, pitch, panels, headBytes << 3, head, keys);
    matrixRows(dy + left, pitch, rows, queries);
    multiply(rows, 1, head, panels, 0, 0, dScores, (<usize>keys) << 2, queries, keys);
    softmaxGradient(probs, dScores, queries, keys, scale);

    pack(k + right, pitch, panels, keys, head);
    matrixRows(dScores, (<usize>keys) << 2, rows, queries);
    multiply(rows, 1, keys, panels, 0, 0, dq + left, pitch, queries, head);

    transpose(dScores, turned, queries, keys);
    pack(q + left, pitch, panels, queries, head);
    matrixRows(turned, (<usize>queries) << 2, rows, keys);
    multiply(rows, 1, queries, panels, 0, 0, dk + right, pitch, keys, head);

    transpose(probs, turned, queries, keys);
    pack(dy + left, pitch, panels, queries, head);
    multiply(rows, 1, queries, panels, 0, 0, dv + right, pitch, keys, head);
    probs += size << 2;
  }
}

/** `dProbs` becomes the gradient of the scores before scaling by `scale`. */
function softmaxGradient(probs: usize, dProbs: usize, rows: i32, width: i32, scale: f32): void {
  const whole = width & -4;
  for (let row = 0; row < rows; row++) {
    let sums = f32x4.splat(0);
    for (let i = 0; i < whole; i += 4) {
      const at = (<usize>i) << 2;
      sums = multiplyAdd(v128.load(probs + at), v128.load(dProbs + at), sums);
    }
    let dot = sumLanes(sums);
    for (let i = whole; i < width; i++) {
      const at = (<usize>i) << 2;
      dot += load<f32>(probs + at) * load<f32>(dProbs + at);
    }
    const dots = f32x4.splat(dot);
    const scales = f32x4.splat(scale);
    for (let i = 0; i < whole; i += 4) {
      const at = (<usize>i) << 2;
      const p = f32x4.mul(v128.load(probs + at), scales);
      v128.store(dProbs + at, f32x4.mul(p, f32x4.sub(v128.load(dProbs + at), dots)));
    }
    for (let i = whole; i < width; i++) {
      const at = (<usize>i) << 2;
      store<f32>(dProbs + at, load<f32>(probs + at) * scale * (load<f32>(dProbs + at) - dot));
    }
    probs += (<usize>width) << 2;
    dProbs += (<usize>width) << 2;
  }
}

/** Bytes of a table of row addresses. */
function rowsBytes(rows: i32): usize {
  return (<usize>((rows + 3) & -4)) << 2;
}
