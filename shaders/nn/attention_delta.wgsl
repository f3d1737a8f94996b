// delta = rowsum(dy * o) per head, which the gradients of attention subtract. o, dy [N,Lq,heads,4 head4], delta [N,heads,Lq].
//
// One thread per row and head; workgroups of 64 are folded into x and y.

struct Params {
  count: u32, // N heads Lq
  queries: u32,
  heads: u32,
  head4: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> delta: array<f32>;
@group(0) @binding(2) var<storage, read> o: array<vec4f>;
@group(0) @binding(3) var<storage, read> dy: array<vec4f>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let i = flat_index(group, groups, local);
  if (i >= params.count) {
    return;
  }
  let query = i % params.queries;
  let head = i / params.queries % params.heads;
  let sample = i / (params.queries * params.heads);
  let at = ((sample * params.queries + query) * params.heads + head) * params.head4;
  var sum = vec4f();
  for (var d = 0u; d < params.head4; d++) {
    sum += dy[at + d] * o[at + d];
  }
  delta[i] = dot(sum, vec4f(1.0));
}
