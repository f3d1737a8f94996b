// The result of a product whose width is divisible by 4, [.., 4 width4].
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;

fn store4(row: u32, column: u32, value: vec4f) {
  y[row * params.width4 + column] = value + residual4(row, column);
}
