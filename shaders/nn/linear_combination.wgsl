// y = sum of coefficient_i * term_i, left to right, any shape.
//
// One thread per element; workgroups of 64 are folded into x and y. The launch generates
// struct Params (packs: u32, then the coefficients), the bindings, and `fn combined(i: u32) -> Pack`.

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = flat_index(group, groups, local);
  if (i < params.packs) {
    y[i] = combined(i);
  }
}
