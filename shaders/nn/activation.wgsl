// y = activation(x), any shape.
//
// One thread per element; workgroups of 64 are folded into x and y.
// The activation is silu, gelu_erf or gelu_quick.

struct Params {
  packs: u32,
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
    y[i] = activation(x[i]);
  }
}
