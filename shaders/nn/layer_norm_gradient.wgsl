// Input gradient of layer_norm.wgsl. With xh the normalized row and g = dy * gamma:
//   dx = (g - mean(g) - xh * mean(g * xh)) / sqrt(variance + eps).
//
// `share` threads per row, as forward. Width is divisible by 4.

@group(0) @binding(1) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(4) var<storage, read> dy: array<vec4f>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let row = flat_index(group, groups, local) / share;
  let first = min(row, params.rows - 1u) * params.width4;
  let width = 4.0 * f32(params.width4);
  let statistics = row_statistics(first, local);
  let mean = statistics.x;
  let inverse_std = statistics.y;
  var slopes = vec4f();
  var products = vec4f();
  for (var i = local % share; i < params.width4; i += share) {
    let g = dy[first + i] * gamma[i];
    slopes += g;
    products += g * (x[first + i] - mean);
  }
  let mean_slope = row_total(local, dot(slopes, vec4f(1.0))) / width;
  let mean_product = row_total(local, dot(products, vec4f(1.0))) * inverse_std / width;
  if (row >= params.rows) {
    return;
  }
  for (var i = local % share; i < params.width4; i += share) {
    let normalized = (x[first + i] - mean) * inverse_std;
    dx[first + i] = inverse_std * (dy[first + i] * gamma[i] - mean_slope - normalized * mean_product);
  }
}
