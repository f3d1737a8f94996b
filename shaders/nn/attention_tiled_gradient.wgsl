// Gradients of attention for heads of any width, tiled as attention_tiled.wgsl. With p = exp(score - log_sum) and
// ds = p (dy . v - delta):
//   dq = scale sum over keys ds k;  dk = scale sum over queries ds q;  dv = sum over queries p dy.
//
// One text for the three: a workgroup of 16 x 16 threads takes 32 rows of the result and walks over the other sequence 32
// at a time. Constants of the launch say what the result is:
//   dq: const rows_are_keys = false, const slopes = true;  dk: true, true;  dv: true, false.
// row_a . column_a are the scores, row_b . column_b are dy . v. The rows of the result are sums of column_a (dq, dk) or
// column_b (dv). Workgroup x over rows, y over heads, z over samples. Blocks marked //#each D are unrolled
// own4 = ceil(head4 / 16) times.

struct Params {
  rows: u32,
  columns: u32,
  heads: u32,
  causal: u32,
  scale: f32,
  first_tile: u32, // tile of rows that the dispatch begins with
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> result: array<vec4f>;
@group(0) @binding(2) var<storage, read> row_a: array<vec4f>;
@group(0) @binding(3) var<storage, read> row_b: array<vec4f>;
@group(0) @binding(4) var<storage, read> column_a: array<vec4f>;
@group(0) @binding(5) var<storage, read> column_b: array<vec4f>;
@group(0) @binding(6) var<storage, read> log_sum: array<f32>;
@group(0) @binding(7) var<storage, read> delta: array<f32>;

const side = 16u;
const tile = 32u;
const part4 = 8u;

var<workgroup> row_tile: array<array<vec4f, part4>, tile>;
var<workgroup> column_tile: array<array<vec4f, part4>, tile>;
var<workgroup> factors: array<array<f32, tile>, tile>;

// p or scale ds of one pair, 0 where there is none or where the key is hidden from the query.
fn factor(row: u32, column: u32, sample_head: u32, score: f32, slope: f32) -> f32 {
  let query = select(row, column, rows_are_keys);
  let key = select(column, row, rows_are_keys);
  if (row >= params.rows || column >= params.columns || (params.causal == 1u && key > query)) {
    return 0.0;
  }
  let queries = select(params.rows, params.columns, rows_are_keys);
  let at = sample_head * queries + query;
  let p = exp(score - log_sum[at]);
  if (slopes) {
    return params.scale * p * (slope - delta[at]);
  }
  return p;
}

// Adds what the vectors in workgroup memory multiply to for the pairs (row, column), (row, column + side), (row + 1, column)
// and (row + 1, column + side).
fn add_products(before: vec4f, row: u32, column: u32) -> vec4f {
  var sums = before;
  for (var i = 0u; i < part4; i++) {
    let r0 = row_tile[row][i];
    let r1 = row_tile[row + 1u][i];
    let c0 = column_tile[column][i];
    let c1 = column_tile[column + side][i];
    sums += vec4f(dot(r0, c0), dot(r0, c1), dot(r1, c0), dot(r1, c1));
  }
  return sums;
}

@compute @workgroup_size(side, side)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let stride = params.heads * head4;
  let first_row = (params.first_tile + group.x) * tile;
  let from_row = group.z * params.rows * stride + group.y * head4;
  let from_column = group.z * params.columns * stride + group.y * head4;
  let sample_head = group.z * params.heads + group.y;
  let row = 2u * local.y;
  let part = index % part4;
  let line = index / part4;
  let row_line = from_row + min(first_row + line, params.rows - 1u) * stride;
  //#each D
  var y0_D = vec4f();
  var y1_D = vec4f();
  let at_D = min(local.x + side * D, head4 - 1u);
  //#end D
  for (var first_column = 0u; first_column < params.columns; first_column += tile) {
    let column_line = from_column + min(first_column + line, params.columns - 1u) * stride;
    var s = vec4f();
    var ds = vec4f();
    for (var start = 0u; start < head4; start += part4) {
      let inside = start + part < head4;
      let from_part = min(start + part, head4 - 1u);
      workgroupBarrier();
      row_tile[line][part] = select(vec4f(), row_a[row_line + from_part] * params.scale, inside);
      column_tile[line][part] = select(vec4f(), column_a[column_line + from_part], inside);
      workgroupBarrier();
      s = add_products(s, row, local.x);
      if (slopes) {
        workgroupBarrier();
        row_tile[line][part] = select(vec4f(), row_b[row_line + from_part], inside);
        column_tile[line][part] = select(vec4f(), column_b[column_line + from_part], inside);
        workgroupBarrier();
        ds = add_products(ds, row, local.x);
      }
    }
    let r = first_row + row;
    let c = first_column + local.x;
    factors[row][local.x] = factor(r, c, sample_head, s.x, ds.x);
    factors[row][local.x + side] = factor(r, c + side, sample_head, s.y, ds.y);
    factors[row + 1u][local.x] = factor(r + 1u, c, sample_head, s.z, ds.z);
    factors[row + 1u][local.x + side] = factor(r + 1u, c + side, sample_head, s.w, ds.w);
    workgroupBarrier();
    for (var i = 0u; i < min(tile, params.columns - first_column); i++) {
      let f0 = factors[row][i];
      let f1 = factors[row + 1u][i];
      let from_term = from_column + (first_column + i) * stride;
      //#each D
      let term_D = term(from_term + at_D);
      y0_D += f0 * term_D;
      y1_D += f1 * term_D;
      //#end D
    }
  }
  let own = first_row + row;
  //#each D
  if (local.x + side * D < head4) {
    if (own < params.rows) {
      result[from_row + own * stride + at_D] = y0_D;
    }
    if (own + 1u < params.rows) {
      result[from_row + (own + 1u) * stride + at_D] = y1_D;
    }
  }
  //#end D
}

fn term(at: u32) -> vec4f {
  if (slopes) {
    return column_a[at];
  }
  return column_b[at];
}
