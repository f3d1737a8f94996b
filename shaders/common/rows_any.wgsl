// Rows of a product of any widths, for product_*.wgsl: x [.., depth], y [.., width]. Missing channels of x read as 0;
// the weight is padded with zeros to multiples of 4.
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;

fn load4(row: u32, part: u32) -> vec4f {
  let channels = 4u * part + vec4u(0u, 1u, 2u, 3u);
  let at = row * params.depth + min(channels, vec4u(params.depth - 1u));
  return select(vec4f(), vec4f(x[at.x], x[at.y], x[at.z], x[at.w]), channels < vec4u(params.depth));
}

fn store4(row: u32, column: u32, value: vec4f) {
  let sum = value + residual4(row, column);
  let channel = 4u * column;
  for (var i = 0u; i < min(4u, params.width - channel); i++) {
    y[row * params.width + channel + i] = sum[i];
  }
}
