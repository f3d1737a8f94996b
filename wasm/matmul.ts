/**
 * Matrix products C = A B + bias, 4 rows by 8 columns at a time in registers, or 6 rows where products are fused.
 *
 * The right side is packed into panels (pack.ts), so that the inner loop reads it in order. The left side is read through a
 * table of row addresses, 4 for each tile and tap: rows of a matrix (one tap), or the pixels under each tap of a convolution,
 * which is then never spread out.
 *
 * Every element is summed in the order of k, whatever the number of rows: a sample's bits do not depend on its batch.
 */

import { TILE_COLUMNS } from './pack';
import { TILE_ROWS } from './rowTables';
import { multiplyAdd } from './vectorMath';

/**
 * C [m, n] with `pitch` bytes between rows = rows times panels, plus bias [n] and residual (laid out as C), each unless its
 * address is 0.
 *
 * @param rows table of 4 addresses for each tap of each tile
 * @param k values at each address
 */
export function multiply(
  rows: usize,
  taps: i32,
  k: i32,
  panels: usize,
  bias: usize,
  residual: usize,
  c: usize,
  pitch: usize,
  m: i32,
  n: i32,
): void {
  const panelBytes = (<usize>(taps * k)) << 5;
  const tileBytes = (<usize>taps) << 4;
  for (let column = 0; column < n; column += TILE_COLUMNS) {
    const width = min(n - column, TILE_COLUMNS);
    let low = f32x4.splat(0);
    let high = f32x4.splat(0);
    if (bias !== 0) {
      low = loadColumns(bias, width);
      high = loadColumns(bias + 16, width - 4);
      bias += 32;
    }
    let tileRows = rows;
    let to = c + ((<usize>column) << 2);
    let added = residual + ((<usize>column) << 2);
    let row = 0;
    if (ASC_FEATURE_RELAXED_SIMD && width === TILE_COLUMNS) {
      // With fused products there are registers for six rows; twelve of them are three tiles of the table.
      for (; row + 12 <= m; row += 12) {
        for (let first = 0; first < 12; first += 6) {
          const at = to + <usize>first * pitch;
          inline.always(
            multiplyRows(6, tileRows, first, taps, k, panels, low, high, at, pitch, 6, TILE_COLUMNS),
          );
        }
        if (residual !== 0) addTile(to, added, pitch, 12, width);
        tileRows += 3 * tileBytes;
        added += 12 * pitch;
        to += 12 * pitch;
      }
    }
    for (; row < m; row += TILE_ROWS) {
      inline.always(multiplyRows(4, tileRows, 0, taps, k, panels, low, high, to, pitch, m - row, width));
      if (residual !== 0) addTile(to, added, pitch, min(m - row, TILE_ROWS), width);
      tileRows += tileBytes;
      added += pitch << 2;
      to += pitch << 2;
    }
    panels += panelBytes;
  }
}

/**
 * Computes 8 columns of the rows from `first` on and stores `height` rows of them.
 *
 * @param count rows that are computed, 4 or 6: a constant where this is inlined, so that with 4 the other two take no registers
 */
function multiplyRows(
  count: i32,
  rows: usize,
  first: i32,
  taps: i32,
  k: i32,
  panel: usize,
  biasLow: v128,
  biasHigh: v128,
  c: usize,
  pitch: usize,
  height: i32,
  width: i32,
): void {
  let low0 = biasLow;
  let high0 = biasHigh;
  let low1 = biasLow;
  let high1 = biasHigh;
  let low2 = biasLow;
  let high2 = biasHigh;
  let low3 = biasLow;
  let high3 = biasHigh;
  let low4 = biasLow;
  let high4 = biasHigh;
  let low5 = biasLow;
  let high5 = biasHigh;
  let row0 = rows + rowOffset(first, taps);
  let row1 = rows + rowOffset(first + 1, taps);
  let row2 = rows + rowOffset(first + 2, taps);
  let row3 = rows + rowOffset(first + 3, taps);
  let row4 = rows + rowOffset(first + 4, taps);
  let row5 = rows + rowOffset(first + 5, taps);
  do {
    let a0 = load<usize>(row0);
    let a1 = load<usize>(row1);
    let a2 = load<usize>(row2);
    let a3 = load<usize>(row3);
    let a4 = count > 4 ? load<usize>(row4) : 0;
    let a5 = count > 4 ? load<usize>(row5) : 0;
    for (let i = 0; i < k; i++) {
      const b0 = v128.load(panel);
      const b1 = v128.load(panel, 16);
      let x = v128.load_splat<f32>(a0);
      low0 = multiplyAdd(x, b0, low0);
      high0 = multiplyAdd(x, b1, high0);
      x = v128.load_splat<f32>(a1);
      low1 = multiplyAdd(x, b0, low1);
      high1 = multiplyAdd(x, b1, high1);
      x = v128.load_splat<f32>(a2);
      low2 = multiplyAdd(x, b0, low2);
      high2 = multiplyAdd(x, b1, high2);
      x = v128.load_splat<f32>(a3);
      low3 = multiplyAdd(x, b0, low3);
      high3 = multiplyAdd(x, b1, high3);
      if (count > 4) {
        x = v128.load_splat<f32>(a4);
        low4 = multiplyAdd(x, b0, low4);
        high4 = multiplyAdd(x, b1, high4);
        x = v128.load_splat<f32>(a5);
        low5 = multiplyAdd(x, b0, low5);
        high5 = multiplyAdd(x, b1, high5);
        a4 += 4;
        a5 += 4;
      }
      a0 += 4;
      a1 += 4;
      a2 += 4;
      a3 += 4;
      panel += 32;
    }
    row0 += 16;
    row1 += 16;
    row2 += 16;
    row3 += 16;
    row4 += 16;
    row5 += 16;
  } while (--taps !== 0);
  storeColumns(c, low0, high0, width);
  if (height < 2) return;
  c += pitch;
  storeColumns(c, low1, high1, width);
  if (height < 3) return;
  c += pitch;
  storeColumns(c, low2, high2, width);
  if (height < 4) return;
  c += pitch;
  storeColumns(c, low3, high3, width);
  if (count > 4) {
    c += pitch;
    storeColumns(c, low4, high4, width);
    storeColumns(c + pitch, low5, high5, width);
  }
}

/** Where a row's first address stands in a table of tiles of four. */
function rowOffset(row: i32, taps: i32): usize {
  return (<usize>((row >> 2) * taps * TILE_ROWS + (row & 3))) << 2;
}

/** Adds a tile of the residual to the tile just stored, which is still in the cache. */
function addTile(c: usize, residual: usize, pitch: usize, height: i32, width: i32): void {
  for (let row = 0; row < height; row++) {
    if (width === TILE_COLUMNS) {
      v128.store(c, f32x4.add(v128.load(c), v128.load(residual)));
      v128.store(c, f32x4.add(v128.load(c, 16), v128.load(residual, 16)), 16);
    } else {
      for (let column = 0; column < width; column++) {
        const at = (<usize>column) << 2;
        store<f32>(c + at, load<f32>(c + at) + load<f32>(residual + at));
      }
    }
    c += pitch;
    residual += pitch;
  }
}

/** Up to 4 values; the others are zeros. */
function loadColumns(from: usize, width: i32): v128 {
  if (width >= 4) return v128.load(from);
  let x = f32x4.splat(0);
  if (width > 0) x = f32x4.replace_lane(x, 0, load<f32>(from));
  if (width > 1) x = f32x4.replace_lane(x, 1, load<f32>(from, 4));
  if (width > 2) x = f32x4.replace_lane(x, 2, load<f32>(from, 8));
  return x;
}

function storeColumns(to: usize, low: v128, high: v128, width: i32): void {
  if (width === TILE_COLUMNS) {
    v128.store(to, low);
    v128.store(to, high, 16);
    return;
  }
  let x = low;
  if (width & 4) {
    v128.store(to, x);
    to += 16;
    x = high;
  }
  if (width & 3) store<f32>(to, f32x4.extract_lane(x, 0));
  if (width & 2) store<f32>(to, f32x4.extract_lane(x, 1), 4);
  if ((width & 3) === 3) store<f32>(to, f32x4.extract_lane(x, 2), 8);
}
