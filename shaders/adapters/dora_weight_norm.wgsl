// Column norms of an adapted weight without storing it: norm[n] = sqrt(sum over k of (w[k,n] + scaling sum_r a[k,r] b[r,n])^2).
//
// A workgroup takes 4 x 4 columns; 16 threads share the rows of each 4 and one of them adds the parts in order.
// The weight is padded to multiples of 4.

struct Params {
  inner: u32, // K
  columns: u32, // N
  columns4: u32, // a quarter of N, rounded up
  rank: u32,
  scaling: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> w: array<Weight4>;
@group(0) @binding(3) var<storage, read> a: array<f32>;

var<workgroup> parts: array<array<vec4f, 16>, 4>;

@compute @workgroup_size(4, 16)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let column = id.x;
  var part = vec4f();
  if (column < params.columns4) {
    for (var k = local.y; k < params.inner; k += 16u) {
      var update = vec4f();
      for (var r = 0u; r < params.rank; r++) {
        update += a[k * params.rank + r] * b4(r, column);
      }
      let adapted = unpack(w[k * params.columns4 + column]) + params.scaling * update;
      part += adapted * adapted;
    }
  }
  parts[local.x][local.y] = part;
  workgroupBarrier();
  if (local.y == 0u && column < params.columns4) {
    var sum = vec4f();
    for (var i = 0u; i < 16u; i++) {
      sum += parts[local.x][i];
    }
    store4(column, sqrt(sum));
  }
}
