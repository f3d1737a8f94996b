// Rows of a product of any depth, [.., depth]. Missing channels read as 0; the weight is padded with zeros to multiples of 4.
@group(0) @binding(x_binding) var<storage, read> x: array<f32>;

fn load4(row: u32, part: u32) -> vec4f {
  let channels = 4u * part + vec4u(0u, 1u, 2u, 3u);
  let at = row * params.depth + min(channels, vec4u(params.depth - 1u));
  return select(vec4f(), vec4f(x[at.x], x[at.y], x[at.z], x[at.w]), channels < vec4u(params.depth));
}
