// As residual_vec4, for widths not divisible by 4.
@group(0) @binding(residual_binding) var<storage, read> residual: array<f32>;
fn residual4(row: u32, column: u32) -> vec4f {
  let at = row * params.width + min(4u * column + vec4u(0u, 1u, 2u, 3u), vec4u(params.width - 1u));
  return vec4f(residual[at.x], residual[at.y], residual[at.z], residual[at.w]);
}
