// A tensor of the shape of the product that is added to it; its binding is `residual_binding`.
@group(0) @binding(residual_binding) var<storage, read> residual: array<vec4f>;
fn residual4(row: u32, column: u32) -> vec4f {
  return residual[row * params.width4 + column];
}
