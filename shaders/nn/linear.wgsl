// Linear layer on a frozen weight: y[M,N] = x[M,K] w[K,N] + bias[N].
//
// A thread makes 4 rows x 4 columns in registers: no workgroup memory, no barriers. Every row is summed in the same
// order whatever M is. Workgroups cover tile_columns x tile_rows threads; rows of workgroups continue from y into z.
// Prefixed by a tile shape, by weight_f32 or weight_f16, and by bias or no_bias. K and N are divisible by 4.

struct Params {
  rows: u32,
  inner4: u32, // K / 4
  columns4: u32, // N / 4
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read> w: array<Weight4>;

fn row_times(v: vec4f, w0: vec4f, w1: vec4f, w2: vec4f, w3: vec4f) -> vec4f {
  return v.x * w0 + v.y * w1 + v.z * w2 + v.w * w3;
}

@compute @workgroup_size(tile_columns, tile_rows)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let column = group.x * tile_columns + local.x;
  let row = ((group.z * groups.y + group.y) * tile_rows + local.y) * 4u;
  if (column >= params.columns4 || row >= params.rows) {
    return;
  }
  let last = params.rows - 1u;
  let x0 = row * params.inner4;
  let x1 = min(row + 1u, last) * params.inner4;
  let x2 = min(row + 2u, last) * params.inner4;
  let x3 = min(row + 3u, last) * params.inner4;
  var y0 = bias4(column);
  var y1 = y0;
  var y2 = y0;
  var y3 = y0;
  var at = column;
  for (var k = 0u; k < params.inner4; k++) {
    let w0 = unpack(w[at]);
    let w1 = unpack(w[at + params.columns4]);
    let w2 = unpack(w[at + 2u * params.columns4]);
    let w3 = unpack(w[at + 3u * params.columns4]);
    at += 4u * params.columns4;
    y0 += row_times(x[x0 + k], w0, w1, w2, w3);
    y1 += row_times(x[x1 + k], w0, w1, w2, w3);
    y2 += row_times(x[x2 + k], w0, w1, w2, w3);
    y3 += row_times(x[x3 + k], w0, w1, w2, w3);
  }
  let to = row * params.columns4 + column;
  y[to] = y0;
  if (row + 1u <= last) {
    y[to + params.columns4] = y1;
  }
  if (row + 2u <= last) {
    y[to + 2u * params.columns4] = y2;
  }
  if (row + 3u <= last) {
    y[to + 3u * params.columns4] = y3;
  }
}
