// c[M,N] = a b in f32 for any size, one batch entry per workgroup z; a long sum over few rows and columns in `parts` parts,
// one after another in z, which sum_parts.wgsl then adds.
//
// A thread makes 4 x 4 values in registers, without barriers; workgroups of 8 x 8 threads.
// The form says where an operand's element is: matmul_nn (a [M,K], b [K,N]), matmul_nt (b [N,K]) or
// matmul_tn (a [K,M]).

struct Params {
  rows: u32,
  inner: u32,
  columns: u32,
  parts: u32,
  part_terms: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> c: array<f32>;
@group(0) @binding(2) var<storage, read> a: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.y * 4u;
  let column = id.x * 4u;
  if (row >= params.rows || column >= params.columns) {
    return;
  }
  let rows = min(vec4u(row, row + 1u, row + 2u, row + 3u), vec4u(params.rows - 1u));
  let columns = min(vec4u(column, column + 1u, column + 2u, column + 3u), vec4u(params.columns - 1u));
  let entry = id.z / params.parts;
  let first = (id.z - entry * params.parts) * params.part_terms;
  let a0 = entry * params.rows * params.inner;
  let b0 = entry * params.inner * params.columns;
  var c0 = vec4f();
  var c1 = vec4f();
  var c2 = vec4f();
  var c3 = vec4f();
  for (var k = first; k < min(first + params.part_terms, params.inner); k++) {
    let right = vec4f(
      b[b0 + b_at(k, columns.x)],
      b[b0 + b_at(k, columns.y)],
      b[b0 + b_at(k, columns.z)],
      b[b0 + b_at(k, columns.w)],
    );
    c0 += a[a0 + a_at(rows.x, k)] * right;
    c1 += a[a0 + a_at(rows.y, k)] * right;
    c2 += a[a0 + a_at(rows.z, k)] * right;
    c3 += a[a0 + a_at(rows.w, k)] * right;
  }
  var values = array<vec4f, 4>(c0, c1, c2, c3);
  for (var i = 0u; i < min(4u, params.rows - row); i++) {
    for (var j = 0u; j < min(4u, params.columns - column); j++) {
      c[(id.z * params.rows + row + i) * params.columns + column + j] = values[i][j];
    }
  }
}
