/**
 * Winograd's filtering in tiles of 4 x 4 pixels, F(4x4, 3x3): 36 products instead of 144, or 64 in tiles of 2 x 2. With the usual
 * points 0, +-1, +-2 results are several times less exact than direct sums; with 0, +-2/3, +-3/2 they are as good
 * (1.2e-6 instead of 8.5e-7 of the largest value at 64 channels; Barabasz et al. 2018, arXiv:1803.10986, on the choice of
 * points). Channels divisible by 4.
 */
import { multiplyAdd } from './vectorMath';
import { tapOf, tilePixels } from './winograd';

/** The points +-A and +-B; A B = 1. */
const A: f32 = 2.0 / 3.0;
const B: f32 = 1.5;
const A2: f32 = 4.0 / 9.0;
const B2: f32 = 2.25;
const A3: f32 = 8.0 / 27.0;
const B3: f32 = 3.375;
/** A^2 + B^2 */
const S: f32 = 97.0 / 36.0;
/** 1 / (2 A^2 (A^2 - B^2)) and 1 / (2 B^2 (B^2 - A^2)): what the rows of G are multiplied by. */
const FA: f32 = -81.0 / 130.0;
const FB: f32 = 8.0 / 65.0;

/**
 * U = G g G^T for every pair of channels: u [36, inputs, outputs] from w [3, 3, inputs, outputs]. Rounds alike in both
 * forms of the kernels, so that what is kept of a weight serves both.
 *
 * @param flip 1 turns the filter by 180 degrees, as the input gradient needs it
 */
export function winograd4Weights(w: usize, u: usize, inputs: i32, outputs: i32, flip: i32): void {
  const tapBytes = (<usize>(inputs * outputs)) << 2;
  for (let at: usize = 0; at < tapBytes; at += 16) {
    // G g, [6, 3], goes to the first three columns of U; then the same along the rows.
    for (let column = 0; column < 3; column++) {
      const g0 = v128.load(w + at + tapOf(0, column, flip) * tapBytes);
      const g1 = v128.load(w + at + tapOf(1, column, flip) * tapBytes);
      const g2 = v128.load(w + at + tapOf(2, column, flip) * tapBytes);
      filterRow(u + at + <usize>column * tapBytes, 6 * tapBytes, g0, g1, g2);
    }
    for (let row = 0; row < 6; row++) {
      const to = u + at + <usize>(6 * row) * tapBytes;
      const g0 = v128.load(to);
      const g1 = v128.load(to + tapBytes);
      const g2 = v128.load(to + 2 * tapBytes);
      filterRow(to, tapBytes, g0, g1, g2);
    }
  }
}

/** G (g0, g1, g2), the six results `step` bytes apart. */
function filterRow(to: usize, step: usize, g0: v128, g1: v128, g2: v128): void {
  const evenA = f32x4.add(g0, f32x4.mul(g2, f32x4.splat(A2)));
  const oddA = f32x4.mul(g1, f32x4.splat(A));
  const evenB = f32x4.add(g0, f32x4.mul(g2, f32x4.splat(B2)));
  const oddB = f32x4.mul(g1, f32x4.splat(B));
  const fa = f32x4.splat(FA);
  const fb = f32x4.splat(FB);
  v128.store(to, g0);
  v128.store(to + step, f32x4.mul(fa, f32x4.add(evenA, oddA)));
  v128.store(to + 2 * step, f32x4.mul(fa, f32x4.sub(evenA, oddA)));
  v128.store(to + 3 * step, f32x4.mul(fb, f32x4.add(evenB, oddB)));
  v128.store(to + 4 * step, f32x4.mul(fb, f32x4.sub(evenB, oddB)));
  v128.store(to + 5 * step, g2);
}

/**
 * V = B^T d B for `count` tiles of x [batch, height, width, channels] from the tile `first` on: v [36, count, channels].
 * Tiles go over [batch, tileRows, tileColumns]; a tile's 6 x 6 input pixels start at four times its position minus the padding.
 *
 * @param zeros what is read outside of the image, `channels` values
 * @param table room for 36 addresses and 36 vectors
 */
export function winograd4Input(
  x: usize,
  zeros: usize,
  table: usize,
  v: usize,
  first: i32,
  count: i32,
  height: i32,
  width: i32,
  channels: i32,
  tileRows: i32,
  tileColumns: i32,
  padTop: i32,
  padLeft: i32,
): void {
  const pixelBytes = (<usize>channels) << 2;
  const step = <usize>count * pixelBytes;
  const tiles = tileRows * tileColumns;
  const rows = table + 144;
  for (let i = 0; i < count; i++) {
    const sample = (first + i) / tiles;
    const tile = first + i - sample * tiles;
    const top = 4 * (tile / tileColumns) - padTop;
    const left = 4 * (tile % tileColumns) - padLeft;
    const image = x + <usize>(sample * height * width) * pixelBytes;
    tilePixels(table, image, zeros, top, left, 6, height, width, pixelBytes);
    for (let at: usize = 0; at < pixelBytes; at += 16) {
      // Along each row of pixels, into a block of 6 x 6 vectors; then across the rows, column by column.
      for (let row: usize = 0; row < 6; row++) {
        const pixels = table + row * 24;
        const d0 = v128.load(load<usize>(pixels) + at);
        const d1 = v128.load(load<usize>(pixels, 4) + at);
        const d2 = v128.load(load<usize>(pixels, 8) + at);
        const d3 = v128.load(load<usize>(pixels, 12) + at);
        const d4 = v128.load(load<usize>(pixels, 16) + at);
        const d5 = v128.load(load<usize>(pixels, 20) + at);
        inputRow(rows + row * 96, 16, d0, d1, d2, d3, d4, d5);
      }
      for (let column: usize = 0; column < 6; column++) {
        const from = rows + (column << 4);
        const d0 = v128.load(from);
        const d1 = v128.load(from, 96);
        const d2 = v128.load(from, 192);
        const d3 = v128.load(from, 288);
        const d4 = v128.load(from, 384);
        const d5 = v128.load(from, 480);
        inputRow(v + at + column * step, 6 * step, d0, d1, d2, d3, d4, d5);
      }
    }
    v += pixelBytes;
  }
}

/** B^T d, the six results `step` bytes apart. */
function inputRow(to: usize, step: usize, d0: v128, d1: v128, d2: v128, d3: v128, d4: v128, d5: v128): void {
  const evenA = multiplyAdd(d2, f32x4.splat(-B2), d4);
  const oddA = f32x4.mul(multiplyAdd(d1, f32x4.splat(-B2), d3), f32x4.splat(A));
  const evenB = multiplyAdd(d2, f32x4.splat(-A2), d4);
  const oddB = f32x4.mul(multiplyAdd(d1, f32x4.splat(-A2), d3), f32x4.splat(B));
  v128.store(to, multiplyAdd(d2, f32x4.splat(-S), f32x4.add(d0, d4)));
  v128.store(to + step, f32x4.add(evenA, oddA));
  v128.store(to + 2 * step, f32x4.sub(evenA, oddA));
  v128.store(to + 3 * step, f32x4.add(evenB, oddB));
  v128.store(to + 4 * step, f32x4.sub(evenB, oddB));
  v128.store(to + 5 * step, multiplyAdd(d3, f32x4.splat(-S), f32x4.add(d1, d5)));
}

/**
 * Y = A^T m A plus bias and residual (laid out as Y), each unless its address is 0, for `count` tiles: m [36, count,
 * channels] to y [batch, height, width, channels]. Pixels of the last tiles beyond the image are dropped.
 *
 * @param block room for 24 vectors
 */
export function winograd4Output(
  m: usize,
  bias: usize,
  residual: usize,
  y: usize,
  block: usize,
  first: i32,
  count: i32,
  height: i32,
  width: i32,
  channels: i32,
  tileRows: i32,
  tileColumns: i32,
): void {
  const pixelBytes = (<usize>channels) << 2;
  const rowBytes = <usize>width * pixelBytes;
  const step = <usize>count * pixelBytes;
  const tiles = tileRows * tileColumns;
  for (let i = 0; i < count; i++) {
    const sample = (first + i) / tiles;
    const tile = first + i - sample * tiles;
    const top = 4 * (tile / tileColumns);
    const left = 4 * (tile % tileColumns);
    const rows = min(4, height - top);
    const columns = min(4, width - left);
    const corner = <usize>((sample * height + top) * width + left) * pixelBytes;
    for (let at: usize = 0; at < pixelBytes; at += 16) {
      // Across the rows of positions, into a block of 4 x 6 vectors; then along each row.
      for (let column: usize = 0; column < 6; column++) {
        const from = m + at + column * step;
        const m0 = v128.load(from);
        const m1 = v128.load(from + 6 * step);
        const m2 = v128.load(from + 12 * step);
        const m3 = v128.load(from + 18 * step);
        const m4 = v128.load(from + 24 * step);
        const m5 = v128.load(from + 30 * step);
        outputRow(block + (column << 4), 96, m0, m1, m2, m3, m4, m5);
      }
      const offset = bias === 0 ? f32x4.splat(0) : v128.load(bias + at);
      for (let row = 0; row < rows; row++) {
        const line = block + <usize>row * 96;
        const m5 = v128.load(line, 80);
        outputRow(
          line,
          16,
          v128.load(line),
          v128.load(line, 16),
          v128.load(line, 32),
          v128.load(line, 48),
          v128.load(line, 64),
          m5,
        );
        let to = corner + at + <usize>row * rowBytes;
        for (let column = 0; column < columns; column++) {
          let value = f32x4.add(v128.load(line + ((<usize>column) << 4)), offset);
          if (residual !== 0) value = f32x4.add(value, v128.load(residual + to));
          v128.store(y + to, value);
          to += pixelBytes;
        }
      }
    }
    m += pixelBytes;
  }
}

/** A^T m, the four results `step` bytes apart. */
function outputRow(to: usize, step: usize, m0: v128, m1: v128, m2: v128, m3: v128, m4: v128, m5: v128): void {
  const evenA = f32x4.add(m1, m2);
  const oddA = f32x4.sub(m1, m2);
  const evenB = f32x4.add(m3, m4);
  const oddB = f32x4.sub(m3, m4);
  v128.store(to, f32x4.add(f32x4.add(m0, evenA), evenB));
  v128.store(to + step, multiplyAdd(oddB, f32x4.splat(B), f32x4.mul(oddA, f32x4.splat(A))));
  v128.store(to + 2 * step, multiplyAdd(evenB, f32x4.splat(B2), f32x4.mul(evenA, f32x4.splat(A2))));
  v128.store(to + 3 * step, multiplyAdd(oddB, f32x4.splat(B3), multiplyAdd(oddA, f32x4.splat(A3), m5)));
}
