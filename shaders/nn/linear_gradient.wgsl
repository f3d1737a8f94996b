// Input gradient of a frozen linear layer: dx[M,K] = dy[M,N] w[K,N]^T. The sum runs along the packed axis of w.
//
// A thread makes 4 rows x 4 columns in registers, as in linear.wgsl, with the same workgroups.
// Prefixed by a tile shape and by weight_f32 or weight_f16. K and N are divisible by 4.

struct Params {
  rows: u32,
  inner4: u32, // K / 4
  columns4: u32, // N / 4
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(2) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read> w: array<Weight4>;

@compute @workgroup_size(tile_columns, tile_rows)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let k = group.x * tile_columns + local.x;
  let row = ((group.z * groups.y + group.y) * tile_rows + local.y) * 4u;
  if (k >= params.inner4 || row >= params.rows) {
    return;
  }
  let last = params.rows - 1u;
  let y0 = row * params.columns4;
  let y1 = min(row + 1u, last) * params.columns4;
  let y2 = min(row + 2u, last) * params.columns4;
  let y3 = min(row + 3u, last) * params.columns4;
  let first = 4u * k * params.columns4;
  var x0 = vec4f();
  var x1 = vec4f();
  var x2 = vec4f();
  var x3 = vec4f();
  for (var n = 0u; n < params.columns4; n++) {
    let at = first + n;
    let rows_of_w = mat4x4f(
      unpack(w[at]),
      unpack(w[at + params.columns4]),
      unpack(w[at + 2u * params.columns4]),
      unpack(w[at + 3u * params.columns4]),
    );
    x0 += dy[y0 + n] * rows_of_w;
    x1 += dy[y1 + n] * rows_of_w;
    x2 += dy[y2 + n] * rows_of_w;
    x3 += dy[y3 + n] * rows_of_w;
  }
  let to = row * params.inner4 + k;
  dx[to] = x0;
  if (row + 1u <= last) {
    dx[to + params.inner4] = x1;
  }
  if (row + 2u <= last) {
    dx[to + 2u * params.inner4] = x2;
  }
  if (row + 3u <= last) {
    dx[to + 3u * params.inner4] = x3;
  }
}
