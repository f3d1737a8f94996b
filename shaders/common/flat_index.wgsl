// Index of a thread in a one-dimensional problem whose workgroups (64 threads) are folded into x and y.
fn flat_index(group: vec3u, groups: vec3u, local: u32) -> u32 {
  return (group.y * groups.x + group.x) * 64u + local;
}
