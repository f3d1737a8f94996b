// Four neighboring columns of dora_weight_norm.wgsl, their number divisible by 4.
@group(0) @binding(1) var<storage, read_write> norm: array<vec4f>;
@group(0) @binding(4) var<storage, read> b: array<vec4f>;

fn b4(r: u32, column: u32) -> vec4f {
  return b[r * params.columns4 + column];
}

fn store4(column: u32, value: vec4f) {
  norm[column] = value;
}
