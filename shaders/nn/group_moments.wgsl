// Moments of groups of channels, for group normalization of a tensor that is there in pieces:
//   mean = sum(x) / count, squares = sum((x - mean)^2), over pixels and the channels of a group.
//
// One workgroup per group (x) and sample (y); two passes over the group. x is [N, pixels, channels], mean and squares
// are [N, groups].

struct Params {
  pixels: u32,
  channels: u32,
  group_channels: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> means: array<f32>;
@group(0) @binding(2) var<storage, read_write> squares: array<f32>;
@group(0) @binding(3) var<storage, read> x: array<f32>;

@compute @workgroup_size(threads)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let statistics = group_statistics(local, group.y * params.pixels, group.x * params.group_channels);
  if (local == 0u) {
    means[group.y * groups.x + group.x] = statistics.x;
    squares[group.y * groups.x + group.x] = statistics.y;
  }
}
