// Group normalization (Wu & He 2018, arXiv:1803.08494), optionally followed by SiLU:
//   y = (x - mean) / sqrt(variance + eps) * gamma + beta, statistics over pixels and the channels of a group.
//
// One workgroup per group (x) and sample (y, continued in z); three passes over the group, the variance from centered values.
// x, y are [N, pixels, channels]; with channels_joined x is in two parts.

@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(threads)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let sample = group.z * groups.y + group.y;
  if (sample >= params.samples) {
    return;
  }
  let size = params.group_channels;
  let first = group.x * size;
  let first_row = sample * params.pixels;
  let count = params.pixels * size;
  let statistics = group_statistics(local, first_row, first);
  let mean = statistics.x;
  let variance = statistics.y / f32(count);
  let inverse_std = 1.0 / sqrt(variance + params.eps);
  for (var i = local; i < count; i += threads) {
    let pixel = i / size;
    let channel = i - pixel * size;
    let normalized = (x_at(first_row + pixel, first + channel) - mean) * inverse_std;
    var value = normalized * gamma[first + channel] + beta[first + channel];
    if (params.silu == 1u) {
      value = value / (1.0 + exp(-value));
    }
    y[(first_row + pixel) * params.channels + first + channel] = value;
  }
}
