// Input gradient of group_norm.wgsl. With xh the normalized x and g = dy * gamma (times the slope of SiLU):
//   dx = (g - mean(g) - xh * mean(g * xh)) / sqrt(variance + eps), means over the group.
//
// One workgroup per group (x) and sample (y, continued in z), as forward; the statistics are computed again.

@group(0) @binding(1) var<storage, read_write> dx: array<f32>;
@group(0) @binding(5) var<storage, read> dy: array<f32>;

fn upstream(at: u32, channel: u32, normalized: f32) -> f32 {
  var slope = dy[at];
  if (params.silu == 1u) {
    let y = normalized * gamma[channel] + beta[channel];
    let s = 1.0 / (1.0 + exp(-y));
    slope *= s * (1.0 + y * (1.0 - s));
  }
  return slope * gamma[channel];
}

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
  let start = sample * params.pixels * params.channels + first;
  let count = params.pixels * size;
  let statistics = group_statistics(local, sample * params.pixels, first);
  let mean = statistics.x;
  let variance = statistics.y / f32(count);
  let inverse_std = 1.0 / sqrt(variance + params.eps);
  var sums = vec2f();
  for (var i = local; i < count; i += threads) {
    let pixel = i / size;
    let channel = i - pixel * size;
    let at = start + pixel * params.channels + channel;
    let normalized = (x[at] - mean) * inverse_std;
    let g = upstream(at, first + channel, normalized);
    sums += vec2f(g, g * normalized);
  }
  let means = workgroup_sum(local, sums) / f32(count);
  for (var i = local; i < count; i += threads) {
    let pixel = i / size;
    let channel = i - pixel * size;
    let at = start + pixel * params.channels + channel;
    let normalized = (x[at] - mean) * inverse_std;
    let g = upstream(at, first + channel, normalized);
    dx[at] = inverse_std * (g - means.x - normalized * means.y);
  }
}
