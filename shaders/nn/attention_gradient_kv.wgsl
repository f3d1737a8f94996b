// Gradients of attention with respect to k and v, from delta of attention_gradient_q.wgsl:
//   p = exp(score - log_sum), dv = sum p dy, dk = scale sum p (dy . v - delta) q
//
// One thread per key row and head: workgroup x over keys, y over heads, z over samples; no atomics, so it is repeatable.
// Blocks marked //#each D are unrolled head4 times.

@group(0) @binding(1) var<storage, read_write> dk: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dv: array<vec4f>;
@group(0) @binding(6) var<storage, read> dy: array<vec4f>;
@group(0) @binding(7) var<storage, read> log_sum: array<f32>;
@group(0) @binding(8) var<storage, read> delta: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let key = 64u * params.first_tile + id.x;
  if (key >= params.keys) {
    return;
  }
  let stride = params.heads * head4;
  let mine = head_at(id.z, params.keys, key, id.y);
  //#each D
  let k_D = k[mine + D] * params.scale;
  let v_D = v[mine + D];
  var dk_D = vec4f();
  var dv_D = vec4f();
  //#end D
  let first = select(0u, key, params.causal == 1u);
  let row = (id.z * params.heads + id.y) * params.queries;
  var at = head_at(id.z, params.queries, first, id.y);
  for (var query = first; query < params.queries; query++) {
    var scores = vec4f();
    var slopes = vec4f();
    //#each D
    scores += k_D * q[at + D];
    slopes += v_D * dy[at + D];
    //#end D
    let p = exp(dot(scores, vec4f(1.0)) - log_sum[row + query]);
    let ds = p * (dot(slopes, vec4f(1.0)) - delta[row + query]);
    //#each D
    dv_D += p * dy[at + D];
    dk_D += ds * q[at + D];
    //#end D
    at += stride;
  }
  //#each D
  dk[mine + D] = dk_D * params.scale;
  dv[mine + D] = dv_D;
  //#end D
}
