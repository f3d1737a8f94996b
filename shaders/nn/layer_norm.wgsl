// Layer normalization (Ba et al. 2016, arXiv:1607.06450): y = (x - mean) / sqrt(variance + eps) * gamma + beta per row.
//
// `share` threads per row, three passes over it; workgroups of 64 threads are folded into x and y.
// x, y are [rows, width4 * 4]. Width is divisible by 4.

@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<storage, read> beta: array<vec4f>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let row = flat_index(group, groups, local) / share;
  // No thread leaves before the sums of its workgroup are made.
  let first = min(row, params.rows - 1u) * params.width4;
  let statistics = row_statistics(first, local);
  if (row >= params.rows) {
    return;
  }
  for (var i = local % share; i < params.width4; i += share) {
    y[first + i] = (x[first + i] - statistics.x) * statistics.y * gamma[i] + beta[i];
  }
}
