// 2-D convolution on a frozen weight, NHWC: y[n,oy,ox,co] = bias[co] + residual[n,oy,ox,co]
//   + sum x[n, oy s + ky - top, ox s + kx - left, ci] w[ky,kx,ci,co].
// With `const upsampled = true`, x is first enlarged to height x columns by nearest neighbors, without storing that.
//
// The operands of a product over the taps of the window, as linear.wgsl.

// Where the window of one output pixel begins: sample, row and column, the last two before padding is taken off.
fn place(pixel: u32) -> Place {
  let area = params.out_height * params.out_columns;
  let sample = pixel / area;
  let rest = pixel - sample * area;
  let row = rest / params.out_columns;
  let column = rest - row * params.out_columns;
  return vec3i(
    i32(sample),
    i32(row * params.stride) - i32(params.top),
    i32(column * params.stride) - i32(params.left),
  );
}

// The input pixel under a tap, or -1 outside the image.
fn source_row(start: Place, tap: u32) -> i32 {
  let ky = tap / params.kernel_columns;
  let row = start.y + i32(ky);
  let column = start.z + i32(tap - ky * params.kernel_columns);
  // Without branches: they would be as many as a thread has rows.
  let inside = (row >= 0) & (column >= 0) & (row < i32(params.height)) & (column < i32(params.columns));
  var at = (start.x * i32(params.height) + row) * i32(params.columns) + column;
  if (upsampled) {
    let source = row * i32(params.source_height) / i32(params.height);
    let source_column = column * i32(params.source_columns) / i32(params.columns);
    at = (start.x * i32(params.source_height) + source) * i32(params.source_columns) + source_column;
  }
  return select(-1, at, inside);
}

fn block_row(tap: u32, part: u32, column: u32, i: u32) -> vec4f {
  return unpack(w[(4u * (tap * params.depth4 + part) + i) * params.width4 + column]);
}
