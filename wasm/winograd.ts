/**
 * 3x3 convolutions of stride 1 by Winograd's minimal filtering F(2x2, 3x3) (Lavin & Gray 2016, arXiv:1509.09308, section
 * 4.1): an output tile of 2 x 2 pixels takes 16 products instead of 36. Weights and input tiles are transformed, each of
 * the 16 positions is a matrix product over channels, and the results are transformed back. Channels divisible by 4.
 */

/**
 * U = G g G^T for every pair of channels: u [16, inputs, outputs] from w [3, 3, inputs, outputs].
 *
 * @param flip 1 turns the filter by 180 degrees, as the input gradient needs it
 */
export function winogradWeights(w: usize, u: usize, inputs: i32, outputs: i32, flip: i32): void {
  const tapBytes = (<usize>(inputs * outputs)) << 2;
  for (let at: usize = 0; at < tapBytes; at += 16) {
    // Columns of G g, [4, 3], one column of the filter at a time; then the same along the rows.
    for (let column = 0; column < 3; column++) {
      const g0 = v128.load(w + at + tapOf(0, column, flip) * tapBytes);
      const g1 = v128.load(w + at + tapOf(1, column, flip) * tapBytes);
      const g2 = v128.load(w + at + tapOf(2, column, flip) * tapBytes);
      filterRow(u + at + <usize>column * tapBytes, 4 * tapBytes, g0, g1, g2);
    }
    for (let row = 0; row < 4; row++) {
      const to = u + at + <usize>(4 * row) * tapBytes;
      const g0 = v128.load(to);
      const g1 = v128.load(to + tapBytes);
      const g2 = v128.load(to + 2 * tapBytes);
      filterRow(to, tapBytes, g0, g1, g2);
    }
  }
}

/** G (g0, g1, g2), the four results `step` bytes apart. */
function filterRow(to: usize, step: usize, g0: v128, g1: v128, g2: v128): void {
  const half = f32x4.splat(0.5);
  const even = f32x4.add(g0, g2);
  v128.store(to, g0);
  v128.store(to + step, f32x4.mul(half, f32x4.add(even, g1)));
  v128.store(to + 2 * step, f32x4.mul(half, f32x4.sub(even, g1)));
  v128.store(to + 3 * step, g2);
}

/** Where a tap of the filter stands, turned by 180 degrees or not. */
export function tapOf(row: i32, column: i32, flip: i32): usize {
  const tap = 3 * row + column;
  return <usize>(flip ? 8 - tap : tap);
}

/**
 * V = B^T d B for `count` tiles of x [batch, height, width, channels] from the tile `first` on: v [16, count, channels].
 * Tiles go over [batch, tileRows, tileColumns]; a tile's 4 x 4 input pixels start at twice its position minus the padding.
 *
 * @param zeros what is read outside of the image, `channels` values
 * @param table room for 16 addresses
 */
export function winogradInput(
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
  const tiles = tileRows * tileColumns;
  for (let i = 0; i < count; i++) {
    const sample = (first + i) / tiles;
    const tile = first + i - sample * tiles;
    const top = 2 * (tile / tileColumns) - padTop;
    const left = 2 * (tile % tileColumns) - padLeft;
    const image = x + <usize>(sample * height * width) * pixelBytes;
    tilePixels(table, image, zeros, top, left, 4, height, width, pixelBytes);
    transformTile(table, v, pixelBytes, <usize>count * pixelBytes);
    v += pixelBytes;
  }
}

/** Addresses of the `side` x `side` pixels from (top, left) on, row by row; of `zeros` outside of the image. */
export function tilePixels(
  table: usize,
  image: usize,
  zeros: usize,
  top: i32,
  left: i32,
  side: i32,
  height: i32,
  width: i32,
  pixelBytes: usize,
): void {
  for (let row = top; row < top + side; row++) {
    for (let column = left; column < left + side; column++) {
      const inside = <u32>row < <u32>height && <u32>column < <u32>width;
      store<usize>(table, inside ? image + <usize>(row * width + column) * pixelBytes : zeros);
      table += 4;
    }
  }
}

/** B^T d B of the tile whose pixels are in the table, `step` bytes between the 16 results. */
function transformTile(table: usize, v: usize, pixelBytes: usize, step: usize): void {
  const v1 = v + 4 * step;
  const v2 = v + 8 * step;
  const v3 = v + 12 * step;
  for (let at: usize = 0; at < pixelBytes; at += 16) {
    // B^T along each row of pixels: (d0 - d2, d1 + d2, d2 - d1, d1 - d3). Then the same across the rows a to d.
    let d0 = v128.load(load<usize>(table) + at);
    let d1 = v128.load(load<usize>(table, 4) + at);
    let d2 = v128.load(load<usize>(table, 8) + at);
    let d3 = v128.load(load<usize>(table, 12) + at);
    const a0 = f32x4.sub(d0, d2);
    const a1 = f32x4.add(d1, d2);
    const a2 = f32x4.sub(d2, d1);
    const a3 = f32x4.sub(d1, d3);
    d0 = v128.load(load<usize>(table, 32) + at);
    d1 = v128.load(load<usize>(table, 36) + at);
    d2 = v128.load(load<usize>(table, 40) + at);
    d3 = v128.load(load<usize>(table, 44) + at);
    const c0 = f32x4.sub(d0, d2);
    const c1 = f32x4.add(d1, d2);
    const c2 = f32x4.sub(d2, d1);
    const c3 = f32x4.sub(d1, d3);
    v128.store(v + at, f32x4.sub(a0, c0));
    v128.store(v + at + step, f32x4.sub(a1, c1));
    v128.store(v + at + 2 * step, f32x4.sub(a2, c2));
    v128.store(v + at + 3 * step, f32x4.sub(a3, c3));
    d0 = v128.load(load<usize>(table, 16) + at);
    d1 = v128.load(load<usize>(table, 20) + at);
    d2 = v128.load(load<usize>(table, 24) + at);
    d3 = v128.load(load<usize>(table, 28) + at);
    const b0 = f32x4.sub(d0, d2);
    const b1 = f32x4.add(d1, d2);
    const b2 = f32x4.sub(d2, d1);
    const b3 = f32x4.sub(d1, d3);
    v128.store(v1 + at, f32x4.add(b0, c0));
    v128.store(v1 + at + step, f32x4.add(b1, c1));
    v128.store(v1 + at + 2 * step, f32x4.add(b2, c2));
    v128.store(v1 + at + 3 * step, f32x4.add(b3, c3));
    v128.store(v2 + at, f32x4.sub(c0, b0));
    v128.store(v2 + at + step, f32x4.sub(c1, b1));
    v128.store(v2 + at + 2 * step, f32x4.sub(c2, b2));
    v128.store(v2 + at + 3 * step, f32x4.sub(c3, b3));
    d0 = v128.load(load<usize>(table, 48) + at);
    d1 = v128.load(load<usize>(table, 52) + at);
    d2 = v128.load(load<usize>(table, 56) + at);
    d3 = v128.load(load<usize>(table, 60) + at);
    v128.store(v3 + at, f32x4.sub(b0, f32x4.sub(d0, d2)));
    v128.store(v3 + at + step, f32x4.sub(b1, f32x4.add(d1, d2)));
    v128.store(v3 + at + 2 * step, f32x4.sub(b2, f32x4.sub(d2, d1)));
    v128.store(v3 + at + 3 * step, f32x4.sub(b3, f32x4.sub(d1, d3)));
  }
}

/**
 * Y = A^T m A plus bias and residual (laid out as Y), each unless its address is 0, for `count` tiles: m [16, count,
 * channels] to y [batch, height, width, channels]. Pixels of the last tiles beyond an odd height or width are dropped.
 */
export function winogradOutput(
  m: usize,
  bias: usize,
  residual: usize,
  y: usize,
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
    const top = 2 * (tile / tileColumns);
    const left = 2 * (tile % tileColumns);
    const below = top + 1 < height;
    const right = left + 1 < width;
    const m1 = m + 4 * step;
    const m2 = m + 8 * step;
    const m3 = m + 12 * step;
    for (let at: usize = 0; at < pixelBytes; at += 16) {
      const offset = bias === 0 ? f32x4.splat(0) : v128.load(bias + at);
      const offsetBytes = at + <usize>((sample * height + top) * width + left) * pixelBytes;
      const to = y + offsetBytes;
      // A^T along each row of four: (x0 + x1 + x2, x1 - x2 - x3). Then the same across the rows.
      let x1 = v128.load(m + at + step);
      let x2 = v128.load(m + at + 2 * step);
      let y00 = f32x4.add(offset, f32x4.add(f32x4.add(v128.load(m + at), x1), x2));
      let y01 = f32x4.add(offset, f32x4.sub(f32x4.sub(x1, x2), v128.load(m + at + 3 * step)));
      x1 = v128.load(m1 + at + step);
      x2 = v128.load(m1 + at + 2 * step);
      let even = f32x4.add(f32x4.add(v128.load(m1 + at), x1), x2);
      let odd = f32x4.sub(f32x4.sub(x1, x2), v128.load(m1 + at + 3 * step));
      y00 = f32x4.add(y00, even);
      y01 = f32x4.add(y01, odd);
      let y10 = f32x4.add(offset, even);
      let y11 = f32x4.add(offset, odd);
      x1 = v128.load(m2 + at + step);
      x2 = v128.load(m2 + at + 2 * step);
      even = f32x4.add(f32x4.add(v128.load(m2 + at), x1), x2);
      odd = f32x4.sub(f32x4.sub(x1, x2), v128.load(m2 + at + 3 * step));
      y00 = f32x4.add(y00, even);
      y01 = f32x4.add(y01, odd);
      y10 = f32x4.sub(y10, even);
      y11 = f32x4.sub(y11, odd);
      x1 = v128.load(m3 + at + step);
      x2 = v128.load(m3 + at + 2 * step);
      y10 = f32x4.sub(y10, f32x4.add(f32x4.add(v128.load(m3 + at), x1), x2));
      y11 = f32x4.sub(y11, f32x4.sub(f32x4.sub(x1, x2), v128.load(m3 + at + 3 * step)));
      if (residual !== 0) {
        const from = residual + offsetBytes;
        y00 = f32x4.add(y00, v128.load(from));
        if (right) y01 = f32x4.add(y01, v128.load(from + pixelBytes));
        if (below) y10 = f32x4.add(y10, v128.load(from + rowBytes));
        if (below && right) y11 = f32x4.add(y11, v128.load(from + rowBytes + pixelBytes));
      }
      v128.store(to, y00);
      if (right) v128.store(to + pixelBytes, y01);
      if (below) v128.store(to + rowBytes, y10);
      if (below && right) v128.store(to + rowBytes + pixelBytes, y11);
    }
    m += pixelBytes;
  }
}
