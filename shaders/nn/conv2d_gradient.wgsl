// Input gradient of a frozen convolution, NHWC: dx[n,y,x,ci] = sum dy[n,oy,ox,co] w[ky,kx,ci,co] over taps with
// oy s = y + top - ky and ox s = x + left - kx. Any stride and padding.
//
// The operands of a product over the taps of the window, as linear.wgsl with dy for x and dx for y.

// Sample, row and column of an input pixel, the last two with padding.
fn place(pixel: u32) -> Place {
  let area = params.height * params.columns;
  let sample = pixel / area;
  let rest = pixel - sample * area;
  let row = rest / params.columns;
  return vec3i(i32(sample), i32(row + params.top), i32(rest - row * params.columns + params.left));
}

// The output pixel that a tap of this input pixel went to, or -1.
fn source_row(start: Place, tap: u32) -> i32 {
  let stride = i32(params.stride);
  let ky = tap / params.kernel_columns;
  let row = start.y - i32(ky);
  let column = start.z - i32(tap - ky * params.kernel_columns);
  let oy = row / stride;
  let ox = column / stride;
  // Without branches: they would be as many as a thread has rows.
  let reached = (row >= 0) & (column >= 0) & (oy * stride == row) & (ox * stride == column);
  let inside = reached & (oy < i32(params.out_height)) & (ox < i32(params.out_columns));
  return select(-1, (start.x * i32(params.out_height) + oy) * i32(params.out_columns) + ox, inside);
}

fn block_row(tap: u32, part: u32, column: u32, i: u32) -> vec4f {
  return unpack(w[(4u * (tap * params.width4 + column) + i) * params.depth4 + part]);
}
