// Input gradient of layer_norm.wgsl. With xh the normalized row and g = dy * gamma:
//   dx = (g - mean(g) - xh * mean(g * xh)) / sqrt(variance + eps).
//
// One thread per row; workgroups of 64 rows are folded into x and y. Width is divisible by 4.

struct Params {
  rows: u32,
  width4: u32,
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read> gamma: array<vec4f>;
@group(0) @binding(4) var<storage, read> dy: array<vec4f>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let row = flat_index(group, groups, local);
  if (row >= params.rows) {
    return;
  }
  let first = row * params.width4;
  let width = 4.0 * f32(params.width4);
  let statistics = row_statistics(first);
  let mean = statistics.x;
  let inverse_std = statistics.y;
  var slopes = vec4f();
  var products = vec4f();
  for (var i = 0u; i < params.width4; i++) {
    let g = dy[first + i] * gamma[i];
    slopes += g;
    products += g * (x[first + i] - mean);
  }
  let mean_slope = dot(slopes, vec4f(1.0)) / width;
  let mean_product = dot(products, vec4f(1.0)) * inverse_std / width;
  for (var i = 0u; i < params.width4; i++) {
    let normalized = (x[first + i] - mean) * inverse_std;
    dx[first + i] = inverse_std * (dy[first + i] * gamma[i] - mean_slope - normalized * mean_product);
  }
}
