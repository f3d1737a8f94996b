// Gradient of dora_epilogue.wgsl with respect to magnitude: sum over rows of dy (base + scaling ab) / norm.
//
// A workgroup takes 8 columns; 8 threads share the rows of each and one of them adds the parts in order.

struct Params {
  rows: u32,
  columns: u32,
  scaling: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read> base: array<f32>;
@group(0) @binding(4) var<storage, read> ab: array<f32>;
@group(0) @binding(5) var<storage, read> norm: array<f32>;

var<workgroup> parts: array<array<f32, 8>, 8>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let column = id.x;
  var part = 0.0;
  if (column < params.columns) {
    for (var row = local.y; row < params.rows; row += 8u) {
      let i = row * params.columns + column;
      part += dy[i] * (base[i] + params.scaling * ab[i]);
    }
  }
  parts[local.x][local.y] = part;
  workgroupBarrier();
  if (local.y == 0u && column < params.columns) {
    var sum = 0.0;
    for (var i = 0u; i < 8u; i++) {
      sum += parts[local.x][i];
    }
    gradient[column] = sum / norm[column];
  }
}
