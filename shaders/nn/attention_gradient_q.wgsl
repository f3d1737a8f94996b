// Gradient of attention with respect to q, and delta = rowsum(dy * o) for the other two:
//   p = exp(score - log_sum), ds = p (dy . v - delta), dq = scale sum ds k
//
// One thread per query row and head, as in attention.wgsl. delta is [N,heads,Lq].
// Blocks marked //#each D are unrolled head4 times.

@group(0) @binding(1) var<storage, read_write> dq: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> delta: array<f32>;
@group(0) @binding(6) var<storage, read> o: array<vec4f>;
@group(0) @binding(7) var<storage, read> dy: array<vec4f>;
@group(0) @binding(8) var<storage, read> log_sum: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let query = 64u * params.first_tile + id.x;
  if (query >= params.queries) {
    return;
  }
  let stride = params.heads * head4;
  let mine = head_at(id.z, params.queries, query, id.y);
  var outputs = vec4f();
  //#each D
  let q_D = q[mine + D] * params.scale;
  let dy_D = dy[mine + D];
  var dq_D = vec4f();
  outputs += dy_D * o[mine + D];
  //#end D
  let row_delta = dot(outputs, vec4f(1.0));
  let row = (id.z * params.heads + id.y) * params.queries + query;
  let row_log_sum = log_sum[row];
  let seen = keys_seen(query + 1u);
  var at = head_at(id.z, params.keys, 0u, id.y);
  for (var key = 0u; key < seen; key++) {
    var scores = vec4f();
    var slopes = vec4f();
    //#each D
    scores += q_D * k[at + D];
    slopes += dy_D * v[at + D];
    //#end D
    let p = exp(dot(scores, vec4f(1.0)) - row_log_sum);
    let ds = p * (dot(slopes, vec4f(1.0)) - row_delta);
    //#each D
    dq_D += ds * k[at + D];
    //#end D
    at += stride;
  }
  //#each D
  dq[mine + D] = dq_D * params.scale;
  //#end D
  delta[row] = row_delta;
}
