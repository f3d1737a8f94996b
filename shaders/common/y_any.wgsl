// The result of a product of any width, [.., width].
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

fn store4(row: u32, column: u32, value: vec4f) {
  let sum = value + residual4(row, column);
  let channel = 4u * column;
  for (var i = 0u; i < min(4u, params.width - channel); i++) {
    y[row * params.width + channel + i] = sum[i];
  }
}
