// GEGLU (Shazeer 2020, arXiv:2002.05202): y = value * gelu(gate), where a row of x holds value, then gate.
//
// One thread per element of y; workgroups of 64 are folded into x and y.

struct Params {
  packs: u32, // of y
  width: u32, // packs in a row of y
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<Pack>;
@group(0) @binding(2) var<storage, read> x: array<Pack>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = flat_index(group, groups, local);
  if (i < params.packs) {
    let value = i + (i / params.width) * params.width;
    y[i] = x[value] * activation(x[value + params.width]);
  }
}
