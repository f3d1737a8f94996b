// Attention without stored scores: o = softmax(q k^T scale) v per head, in one pass over the keys with a running maximum
// and sum (Milakov & Gimelshein 2018, arXiv:1805.02867; Rabe & Staats 2021, arXiv:2112.05682).
//
// One thread per query row and head: workgroup x over queries, y over heads, z over samples; no barriers. q, o are
// [N,Lq,heads,4 head4], k, v [N,Lk,heads,4 head4]; log_sum [N,heads,Lq] is kept for the gradient.
// Blocks marked //#each D are unrolled head4 times, those marked //#each K `keys_at_once` times: what a thread waits for is
// then several products side by side, and o shrinks once for all of them.

@group(0) @binding(1) var<storage, read_write> o: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> log_sum: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let query = 64u * params.first_tile + id.x;
  if (query >= params.queries) {
    return;
  }
  let stride = params.heads * head4;
  let mine = head_at(id.z, params.queries, query, id.y);
  //#each D
  let q_D = q[mine + D] * params.scale;
  var o_D = vec4f();
  //#end D
  let seen = keys_seen(query + 1u);
  var peak = -1e30;
  var sum = 0.0;
  let at = head_at(id.z, params.keys, 0u, id.y);
  for (var key = 0u; key < seen; key += keys_at_once) {
    //#each K
    let at_K = at + min(key + K, seen - 1u) * stride;
    var products_K = vec4f();
    //#end K
    //#each D
    //#each K
    products_K += q_D * k[at_K + D];
    //#end K
    //#end D
    var higher = peak;
    //#each K
    let score_K = select(-1e30, dot(products_K, vec4f(1.0)), key + K < seen);
    higher = max(higher, score_K);
    //#end K
    let shrink = exp(peak - higher);
    peak = higher;
    sum *= shrink;
    //#each K
    let weight_K = exp(score_K - higher);
    sum += weight_K;
    //#end K
    //#each D
    o_D *= shrink;
    //#each K
    o_D += weight_K * v[at_K + D];
    //#end K
    //#end D
  }
  //#each D
  o[mine + D] = o_D / sum;
  //#end D
  log_sum[(id.z * params.heads + id.y) * params.queries + query] = peak + log(sum);
}
