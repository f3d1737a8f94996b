/**
 * Tables of row addresses that a product reads its left side through: TILE_ROWS of them for each tile and tap, so that a
 * convolution is never spread out.
 */

/** Rows of a tile of a product. */
export const TILE_ROWS: i32 = 4;

/** The table of row addresses of a matrix of m rows, `pitch` bytes apart; the last row fills up the last tile. */
export function matrixRows(source: usize, pitch: usize, target: usize, m: i32): void {
  const count = (m + TILE_ROWS - 1) & -TILE_ROWS;
  for (let i = 0; i < count; i++) {
    store<usize>(target, source + <usize>min(i, m - 1) * pitch);
    target += 4;
  }
}

/**
 * The table of pixel addresses of a convolution over x [batch, height, width, channels], for `count` output pixels of
 * [batch outHeight outWidth] from the pixel `first` on. Taps outside of the image read `zeros`, `channels` of them.
 */
export function convolutionRows(
  x: usize,
  zeros: usize,
  target: usize,
  first: i32,
  count: i32,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  kernelHeight: i32,
  kernelWidth: i32,
  stride: i32,
  padTop: i32,
  padLeft: i32,
): void {
  const pixelBytes = (<usize>channels) << 2;
  const area = outHeight * outWidth;
  const padded = (count + TILE_ROWS - 1) & -TILE_ROWS;
  const taps = kernelHeight * kernelWidth;
  for (let i = 0; i < padded; i++) {
    const pixel = first + min(i, count - 1);
    const sample = pixel / area;
    const row = (pixel - sample * area) / outWidth;
    const top = row * stride - padTop;
    const left = (pixel - sample * area - row * outWidth) * stride - padLeft;
    const image = x + <usize>(sample * height * width) * pixelBytes;
    let to = target + tableOffset(i, taps);
    for (let ky = top; ky < top + kernelHeight; ky++) {
      for (let kx = left; kx < left + kernelWidth; kx++) {
        const inside = <u32>ky < <u32>height && <u32>kx < <u32>width;
        store<usize>(to, inside ? image + <usize>(ky * width + kx) * pixelBytes : zeros);
        to += TILE_ROWS << 2;
      }
    }
  }
}

/**
 * The same for the input gradient: which pixels of dy [batch, outHeight, outWidth, channels] each pixel of
 * [batch height width] was read for, tap by tap.
 */
export function convolutionGradientRows(
  dy: usize,
  zeros: usize,
  target: usize,
  first: i32,
  count: i32,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  kernelHeight: i32,
  kernelWidth: i32,
  stride: i32,
  padTop: i32,
  padLeft: i32,
): void {
  const pixelBytes = (<usize>channels) << 2;
  const area = height * width;
  const padded = (count + TILE_ROWS - 1) & -TILE_ROWS;
  const taps = kernelHeight * kernelWidth;
  const odd = stride - 1;
  for (let i = 0; i < padded; i++) {
    const pixel = first + min(i, count - 1);
    const sample = pixel / area;
    const row = (pixel - sample * area) / width;
    const column = pixel - sample * area - row * width;
    const image = dy + <usize>(sample * outHeight * outWidth) * pixelBytes;
    let to = target + tableOffset(i, taps);
    for (let ky = 0; ky < kernelHeight; ky++) {
      const y = row + padTop - ky;
      for (let kx = 0; kx < kernelWidth; kx++) {
        const x = column + padLeft - kx;
        // Stride is 1 or 2: a negative or odd position was read by no output.
        const oy = y >> odd;
        const ox = x >> odd;
        const inside = ((y | x) & odd) === 0 && <u32>oy < <u32>outHeight && <u32>ox < <u32>outWidth;
        store<usize>(to, inside ? image + <usize>(oy * outWidth + ox) * pixelBytes : zeros);
        to += TILE_ROWS << 2;
      }
    }
  }
}

/** Where the first tap of row i stands in a table. */
function tableOffset(i: i32, taps: i32): usize {
  return (<usize>((i / TILE_ROWS) * taps * TILE_ROWS + (i & (TILE_ROWS - 1)))) << 2;
}
