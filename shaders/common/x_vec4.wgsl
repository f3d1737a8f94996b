// Rows of a product whose depth is divisible by 4, [.., 4 depth4].
@group(0) @binding(x_binding) var<storage, read> x: array<vec4f>;

fn load4(row: u32, part: u32) -> vec4f {
  return x[row * params.depth4 + part];
}
