// Rows of a product whose widths are divisible by 4, for product_*.wgsl: x [.., 4 depth4], y [.., 4 width4].
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;

fn load4(row: u32, part: u32) -> vec4f {
  return x[row * params.depth4 + part];
}

fn store4(row: u32, column: u32, value: vec4f) {
  y[row * params.width4 + column] = value + residual4(row, column);
}
