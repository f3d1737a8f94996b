// Attention without stored scores, as attention.wgsl, for heads of any width: o = softmax(q k^T scale) v per head, tiled
// through workgroup memory (Dao et al. 2022, arXiv:2205.14135, Algorithm 1).
//
// A workgroup of 16 x 16 threads takes 32 queries and walks over the keys 32 at a time: a thread makes 2 x 2 scores of a
// tile, then holds 2 rows x `own4` vectors of o. Workgroup x over queries, y over heads, z over samples. q, o are
// [N,Lq,heads,4 head4], k, v [N,Lk,heads,4 head4]; log_sum [N,heads,Lq] is kept for the gradient.
// Weights of a tile are by rows or by quads (common/weights_by_*.wgsl). Blocks marked //#each D are unrolled
// own4 = ceil(head4 / 16) times.

@group(0) @binding(1) var<storage, read_write> o: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> log_sum: array<f32>;

const side = 16u;
const tile = 32u;
const part4 = 8u; // vectors of a head that are in workgroup memory at a time
const lowest = -1e30;

var<workgroup> q_tile: array<array<vec4f, part4>, tile>;
var<workgroup> k_tile: array<array<vec4f, part4>, tile>;
var<workgroup> scores: array<array<f32, tile>, tile>;
var<workgroup> peaks: array<f32, tile>;
var<workgroup> sums: array<f32, tile>;
var<workgroup> shrinks: array<f32, tile>;

@compute @workgroup_size(side, side)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let stride = params.heads * head4;
  let first_query = (params.first_tile + group.x) * tile;
  let from_q = head_at(group.z, params.queries, 0u, group.y);
  let from_k = head_at(group.z, params.keys, 0u, group.y);
  let row = 2u * local.y;
  if (index < tile) {
    peaks[index] = lowest;
    sums[index] = 0.0;
  }
  //#each D
  var o0_D = vec4f();
  var o1_D = vec4f();
  let at_D = min(local.x + side * D, head4 - 1u);
  //#end D
  let seen = keys_seen(first_query + tile);
  for (var first_key = 0u; first_key < seen; first_key += tile) {
    // Scores of the tile.
    var s00 = 0.0;
    var s01 = 0.0;
    var s10 = 0.0;
    var s11 = 0.0;
    for (var start = 0u; start < head4; start += part4) {
      workgroupBarrier();
      let part = index % part4;
      let line = index / part4;
      let inside = start + part < head4;
      let from_part = min(start + part, head4 - 1u);
      let query = min(first_query + line, params.queries - 1u);
      let key = min(first_key + line, params.keys - 1u);
      q_tile[line][part] = select(vec4f(), q[from_q + query * stride + from_part] * params.scale, inside);
      k_tile[line][part] = select(vec4f(), k[from_k + key * stride + from_part], inside);
      workgroupBarrier();
      for (var i = 0u; i < part4; i++) {
        let q0 = q_tile[row][i];
        let q1 = q_tile[row + 1u][i];
        let k0 = k_tile[local.x][i];
        let k1 = k_tile[local.x + side][i];
        s00 += dot(q0, k0);
        s01 += dot(q0, k1);
        s10 += dot(q1, k0);
        s11 += dot(q1, k1);
      }
    }
    scores[row][local.x] = s00;
    scores[row][local.x + side] = s01;
    scores[row + 1u][local.x] = s10;
    scores[row + 1u][local.x + side] = s11;
    workgroupBarrier();
    weigh(index, first_query, first_key);
    workgroupBarrier();
    let shrink0 = shrinks[row];
    let shrink1 = shrinks[row + 1u];
    //#each D
    o0_D *= shrink0;
    o1_D *= shrink1;
    //#end D
    for (var i = 0u; i < min(tile, params.keys - first_key); i++) {
      let w0 = scores[row][i];
      let w1 = scores[row + 1u][i];
      let from_v = from_k + (first_key + i) * stride;
      //#each D
      let v_D = v[from_v + at_D];
      o0_D += w0 * v_D;
      o1_D += w1 * v_D;
      //#end D
    }
  }
  workgroupBarrier();
  let query = first_query + row;
  //#each D
  if (local.x + side * D < head4) {
    if (query < params.queries) {
      o[from_q + query * stride + at_D] = o0_D / sums[row];
    }
    if (query + 1u < params.queries) {
      o[from_q + (query + 1u) * stride + at_D] = o1_D / sums[row + 1u];
    }
  }
  //#end D
  if (index < tile && first_query + index < params.queries) {
    log_sum[(group.z * params.heads + group.y) * params.queries + first_query + index] =
      peaks[index] + log(sums[index]);
  }
}
