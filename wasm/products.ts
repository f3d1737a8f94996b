/**
 * Whole products: rows go through in groups whose table of addresses and inputs stay in the cache. Each may be done in
 * pieces, by threads with a scratch of their own.
 */
import { multiply } from './matmul';
import { convolutionGradientRows, convolutionRows, matrixRows, TILE_ROWS } from './rowTables';
import { winogradInput, winogradOutput } from './winograd';
import { winograd4Input, winograd4Output } from './winograd4';

/** Rows of a group; a multiple of those that are computed together. */
const GROUP_ROWS: i32 = 256;

/** Tiles of a group: transformed inputs and outputs of 128 channels fill half a megabyte. */
const GROUP_TILES: i32 = 32;

/** Bytes that a product needs beside its operands, for `taps` addresses of each row. */
export function productScratch(rows: i32, taps: i32): i32 {
  return (min(GROUP_ROWS, rows + TILE_ROWS - 1) * taps) << 2;
}

/** c [rows, columns] = a [rows, depth] times panels, plus bias and residual, each unless its address is 0. */
export function matrixProduct(
  a: usize,
  panels: usize,
  bias: usize,
  residual: usize,
  c: usize,
  rows: i32,
  depth: i32,
  columns: i32,
  scratch: usize,
): void {
  const inPitch = (<usize>depth) << 2;
  const outPitch = (<usize>columns) << 2;
  for (let first = 0; first < rows; first += GROUP_ROWS) {
    const count = min(GROUP_ROWS, rows - first);
    const done = <usize>first * outPitch;
    matrixRows(a + <usize>first * inPitch, inPitch, scratch, count);
    multiply(scratch, 1, depth, panels, bias, shifted(residual, done), c + done, outPitch, count, columns);
  }
}

/**
 * Output pixels `start` to `start + pixels` of the convolution of x [batch, height, width, inner], or with `gradient` the
 * pixels of the input gradient of dy [batch, outHeight, outWidth, inner].
 *
 * @param zeros what is read outside of the image, `inner` values
 */
export function convolution(
  x: usize,
  zeros: usize,
  panels: usize,
  bias: usize,
  residual: usize,
  y: usize,
  start: i32,
  pixels: i32,
  inner: i32,
  columns: i32,
  height: i32,
  width: i32,
  outHeight: i32,
  outWidth: i32,
  kernelHeight: i32,
  kernelWidth: i32,
  stride: i32,
  padTop: i32,
  padLeft: i32,
  gradient: i32,
  scratch: usize,
): void {
  const pitch = (<usize>columns) << 2;
  const taps = kernelHeight * kernelWidth;
  const end = start + pixels;
  for (let first = start; first < end; first += GROUP_ROWS) {
    const count = min(GROUP_ROWS, end - first);
    if (gradient) {
      // biome-ignore format: as the parameters are declared
      convolutionGradientRows(x, zeros, scratch, first, count, height, width, inner, outHeight, outWidth, kernelHeight, kernelWidth, stride, padTop, padLeft);
    } else {
      // biome-ignore format: as the parameters are declared
      convolutionRows(x, zeros, scratch, first, count, height, width, inner, outHeight, outWidth, kernelHeight, kernelWidth, stride, padTop, padLeft);
    }
    const done = <usize>first * pitch;
    multiply(scratch, taps, inner, panels, bias, shifted(residual, done), y + done, pitch, count, columns);
  }
}

/** Positions of a transformed tile of `side` x `side` pixels, 2 or 4: each is a matrix product over channels. */
function positionsOf(side: i32): i32 {
  return (side + 2) * (side + 2);
}

/** Bytes that `winograd` needs beside its operands, for tiles of so many pixels a side. */
export function winogradScratch(side: i32, tiles: i32, inner: i32, columns: i32): i32 {
  const most = min(GROUP_TILES, tiles);
  const positions = positionsOf(side);
  // A vector for each position, and addresses of positions or rows.
  return (positions * (most * (inner + columns) + 4) + max(positions, most + TILE_ROWS - 1)) << 2;
}

/**
 * Tiles `start` to `start + tiles`, of `side` x `side` pixels, of a 3x3 convolution of stride 1 by transformed weights: a
 * packed matrix [inner, columns] for each position.
 */
export function winograd(
  x: usize,
  zeros: usize,
  panels: usize,
  bias: usize,
  residual: usize,
  y: usize,
  start: i32,
  tiles: i32,
  inner: i32,
  columns: i32,
  height: i32,
  width: i32,
  outHeight: i32,
  outWidth: i32,
  padTop: i32,
  padLeft: i32,
  side: i32,
  scratch: usize,
): void {
  const positions = positionsOf(side);
  const inPitch = (<usize>inner) << 2;
  const outPitch = (<usize>columns) << 2;
  const panelBytes = <usize>((columns + 7) & -8) * inPitch;
  const tileRows = (outHeight + side - 1) / side;
  const tileColumns = (outWidth + side - 1) / side;
  const most = min(GROUP_TILES, tiles);
  const products = scratch + <usize>(positions * most) * inPitch;
  const table = products + <usize>(positions * most) * outPitch;
  const end = start + tiles;
  for (let first = start; first < end; first += GROUP_TILES) {
    const count = min(GROUP_TILES, end - first);
    if (side === 4) {
      // biome-ignore format: as the parameters are declared
      winograd4Input(x, zeros, table, scratch, first, count, height, width, inner, tileRows, tileColumns, padTop, padLeft);
    } else {
      // biome-ignore format: as the parameters are declared
      winogradInput(x, zeros, table, scratch, first, count, height, width, inner, tileRows, tileColumns, padTop, padLeft);
    }
    let from = scratch;
    let right = panels;
    let to = products;
    for (let position = 0; position < positions; position++) {
      matrixRows(from, inPitch, table, count);
      multiply(table, 1, inner, right, 0, 0, to, outPitch, count, columns);
      from += <usize>count * inPitch;
      right += panelBytes;
      to += <usize>count * outPitch;
    }
    if (side === 4) {
      // biome-ignore format: as the parameters are declared
      winograd4Output(products, bias, residual, y, table, first, count, outHeight, outWidth, columns, tileRows, tileColumns);
    } else {
      // biome-ignore format: as the parameters are declared
      winogradOutput(products, bias, residual, y, first, count, outHeight, outWidth, columns, tileRows, tileColumns);
    }
  }
}

/** 1 when two blocks of a multiple of 16 bytes hold the same bits; ends at the first difference. */
export function sameBits(a: usize, b: usize, bytes: usize): i32 {
  for (let at: usize = 0; at < bytes; at += 16) {
    if (v128.any_true(v128.xor(v128.load(a + at), v128.load(b + at)))) return 0;
  }
  return 1;
}

/** The address of rows `bytes` further down, of what there is. */
function shifted(address: usize, bytes: usize): usize {
  return address === 0 ? 0 : address + bytes;
}
