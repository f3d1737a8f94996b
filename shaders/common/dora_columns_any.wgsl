// Four neighboring columns of dora_weight_norm.wgsl, any number of them.
@group(0) @binding(1) var<storage, read_write> norm: array<f32>;
@group(0) @binding(4) var<storage, read> b: array<f32>;

fn b4(r: u32, column: u32) -> vec4f {
  let at = r * params.columns + min(4u * column + vec4u(0u, 1u, 2u, 3u), vec4u(params.columns - 1u));
  return vec4f(b[at.x], b[at.y], b[at.z], b[at.w]);
}

fn store4(column: u32, value: vec4f) {
  for (var i = 0u; i < min(4u, params.columns - 4u * column); i++) {
    norm[4u * column + i] = value[i];
  }
}
