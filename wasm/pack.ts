/**
 * The right sides of products, packed into panels: for every 8 columns, k rows of 8 values (columns beyond the last are zeros).
 * And transposes, by blocks of 4 x 4.
 */

/** Columns of a panel. */
export const TILE_COLUMNS: i32 = 8;

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
  const whole = k & -4;
  for (let column = 0; column < n; column += TILE_COLUMNS) {
    for (let lane = 0; lane < TILE_COLUMNS; lane += 4) {
      const to = target + ((<usize>lane) << 2);
      const from = source + <usize>(column + lane) * pitch;
      if (column + lane + 4 <= n) {
        let at: usize = 0;
        for (let i = 0; i < whole; i += 4) {
          transposeBlock(from + at, pitch, to + (at << 3), 32);
          at += 16;
        }
        for (let i = whole; i < k; i++) {
          packColumn(from + at, pitch, to + (at << 3), 4);
          at += 4;
        }
      } else {
        for (let i = 0; i < k; i++)
          packColumn(from + ((<usize>i) << 2), pitch, to + ((<usize>i) << 5), n - column - lane);
      }
    }
    target += panelBytes;
  }
}

/** Up to 4 values, `pitch` bytes apart, next to each other; zeros for those beyond. */
function packColumn(from: usize, pitch: usize, to: usize, count: i32): void {
  for (let lane = 0; lane < 4; lane++) {
    store<f32>(to, lane < count ? load<f32>(from) : 0);
    from += pitch;
    to += 4;
  }
}

/** The transpose [columns, rows] of [rows, columns], both without gaps. */
export function transpose(source: usize, target: usize, rows: i32, columns: i32): void {
  const inPitch = (<usize>columns) << 2;
  const outPitch = (<usize>rows) << 2;
  const wholeRows = rows & -4;
  const wholeColumns = columns & -4;
  for (let row = 0; row < wholeRows; row += 4) {
    let from = source + <usize>row * inPitch;
    let to = target + ((<usize>row) << 2);
    for (let column = 0; column < wholeColumns; column += 4) {
      transposeBlock(from, inPitch, to, outPitch);
      from += 16;
      to += outPitch << 2;
    }
  }
  for (let row = 0; row < rows; row++) {
    const from = source + <usize>row * inPitch;
    const to = target + ((<usize>row) << 2);
    for (let column = row < wholeRows ? wholeColumns : 0; column < columns; column++) {
      store<f32>(to + <usize>column * outPitch, load<f32>(from + ((<usize>column) << 2)));
    }
  }
}

/** 4 x 4 values. */
function transposeBlock(from: usize, inPitch: usize, to: usize, outPitch: usize): void {
  const a = v128.load(from);
  const b = v128.load(from + inPitch);
  const c = v128.load(from + 2 * inPitch);
  const d = v128.load(from + 3 * inPitch);
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5));
  v128.store(to + outPitch, v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
  v128.store(to + 2 * outPitch, v128.shuffle<f32>(abHigh, cdHigh, 0, 1, 4, 5));
  v128.store(to + 3 * outPitch, v128.shuffle<f32>(abHigh, cdHigh, 2, 3, 6, 7));
}
