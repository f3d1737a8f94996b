/**
 * Matrix products C = A B + bias, 4 rows by 8 columns at a time in registers.
 *
 * The right side is packed into panels: for every 8 columns, k rows of 8 values (columns beyond the last are zeros), so
 * that the inner loop reads it in order. The left side is read through a table of row addresses, 4 for each tile and
 * tap: rows of a matrix (one tap), or the pixels under each tap of a convolution, which is then never spread out.
 *
 * Every element is summed in the order of k, whatever the number of rows: a sample's bits do not depend on its batch.
 */

import { TILE_ROWS } from './rowTables';
import { multiplyAdd } from './vectorMath';

const TILE_COLUMNS: i32 = 8;

/** Rows [k, n] with `pitch` bytes between them, to panels. */
export function pack(source: usize, pitch: usize, target: usize, k: i32, n: i32): void {
  for (let column = 0; column < n; column += TILE_COLUMNS) {
    let from = source + ((<usize>column) << 2);
    const width = min(n - column, TILE_COLUMNS);
    for (let i = 0; i < k; i++) {
      if (width === TILE_COLUMNS) {
        v128.store(target, v128.load(from));
        v128.store(target, v128.load(from, 16), 16);
      } else {
        v128.store(target, i32x4.splat(0));
        v128.store(target, i32x4.splat(0), 16);
        memory.copy(target, from, (<usize>width) << 2);
      }
      target += 32;
      from += pitch;
    }
  }
}

/**
 * Rows [n, k] with `pitch` bytes between them, transposed to panels that are `panelBytes` apart: more than k rows where
 * they are filled tap by tap.
 */
export function packTransposed(
  source: usize,
  pitch: usize,
  target: usize,
  panelBytes: usize,
  k: i32,
  n: i32,
): void {
  for (let column = 0; column < n; column += TILE_COLUMNS) {
    for (let lane = 0; lane < TILE_COLUMNS; lane++) {
      let to = target + ((<usize>lane) << 2);
      if (column + lane < n) {
        let from = source + <usize>(column + lane) * pitch;
        for (let i = 0; i < k; i++) {
          store<f32>(to, load<f32>(from));
          from += 4;
          to += 32;
        }
      } else {
        for (let i = 0; i < k; i++) {
          store<f32>(to, 0);
          to += 32;
        }
      }
    }
    target += panelBytes;
  }
}

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
    for (let row = 0; row < m; row += TILE_ROWS) {
      multiplyTile(tileRows, taps, k, panels, low, high, to, pitch, m - row, width);
      if (residual !== 0) addTile(to, added, pitch, min(m - row, TILE_ROWS), width);
      tileRows += tileBytes;
      added += pitch << 2;
      to += pitch << 2;
    }
    panels += panelBytes;
  }
}

function multiplyTile(
  rows: usize,
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
  let low1 = biasLow;
  let low2 = biasLow;
  let low3 = biasLow;
  let high0 = biasHigh;
  let high1 = biasHigh;
  let high2 = biasHigh;
  let high3 = biasHigh;
  do {
    let a0 = load<usize>(rows);
    let a1 = load<usize>(rows, 4);
    let a2 = load<usize>(rows, 8);
    let a3 = load<usize>(rows, 12);
    rows += 16;
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
      a0 += 4;
      a1 += 4;
      a2 += 4;
      a3 += 4;
      panel += 32;
    }
  } while (--taps !== 0);
  storeColumns(c, low0, high0, width);
  if (height < 2) return;
  c += pitch;
  storeColumns(c, low1, high1, width);
  if (height < 3) return;
  c += pitch;
  storeColumns(c, low2, high2, width);
  if (height < 4) return;
  storeColumns(c + pitch, low3, high3, width);
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

/** The transpose [columns, rows] of [rows, columns], both without gaps. */
export function transpose(source: usize, target: usize, rows: i32, columns: i32): void {
  for (let row = 0; row < rows; row++) {
    let to = target + ((<usize>row) << 2);
    for (let column = 0; column < columns; column++) {
      store<f32>(to, load<f32>(source));
      source += 4;
      to += (<usize>rows) << 2;
    }
  }
}
