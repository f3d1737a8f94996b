// One thread per element: workgroups of 64 are folded into x and y. `each` says what is done with element i.
@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = flat_index(group, groups, local);
  if (i < params.packs) {
    each(i);
  }
}
