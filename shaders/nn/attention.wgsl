// Attention without stored scores: o = softmax(q k^T scale) v per head, in one pass over the keys with a running maximum
// and sum (Milakov & Gimelshein 2018, arXiv:1805.02867; Rabe & Staats 2021, arXiv:2112.05682).
//
// One thread per query row and head: workgroup x over queries, y over heads, z over samples; no barriers. q, o are
// [N,Lq,heads,4 head4], k, v [N,Lk,heads,4 head4]; log_sum [N,heads,Lq] is kept for the gradient.
// Blocks marked //#each D are unrolled head4 times.

@group(0) @binding(1) var<storage, read_write> o: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> log_sum: array<f32>;
@group(0) @binding(3) var<storage, read> q: array<vec4f>;
@group(0) @binding(4) var<storage, read> k: array<vec4f>;
@group(0) @binding(5) var<storage, read> v: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let query = 64u * params.first_tile + id.x;
  if (query >= params.queries) {
    return;
  }
  let stride = params.heads * head4;
  let mine = (id.z * params.queries + query) * stride + id.y * head4;
  //#each D
  let q_D = q[mine + D] * params.scale;
  var o_D = vec4f();
  //#end D
  let seen = select(params.keys, min(query + 1u, params.keys), params.causal == 1u);
  var peak = -1e30;
  var sum = 0.0;
  var at = id.z * params.keys * stride + id.y * head4;
  for (var key = 0u; key < seen; key++) {
    var products = vec4f();
    //#each D
    products += q_D * k[at + D];
    //#end D
    let score = dot(products, vec4f(1.0));
    let higher = max(peak, score);
    let shrink = exp(peak - higher);
    let weight = exp(score - higher);
    peak = higher;
    sum = sum * shrink + weight;
    //#each D
    o_D = o_D * shrink + weight * v[at + D];
    //#end D
    at += stride;
  }
  //#each D
  o[mine + D] = o_D / sum;
  //#end D
  log_sum[(id.z * params.heads + id.y) * params.queries + query] = peak + log(sum);
}
