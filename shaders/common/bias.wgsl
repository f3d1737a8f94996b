// Bias of four neighboring output channels; its binding is `bias_binding`.
@group(0) @binding(bias_binding) var<storage, read> bias: array<f32>;
fn bias4(column: u32) -> vec4f {
  let at = params.first_bias + min(4u * column + vec4u(0u, 1u, 2u, 3u), vec4u(spans * params.width - 1u));
  return vec4f(bias[at.x], bias[at.y], bias[at.z], bias[at.w]);
}
