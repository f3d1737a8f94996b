// Sizes and operands of one attention, for attention.wgsl, attention_tiled.wgsl and the gradients with one thread per row:
// q [N,Lq,heads,4 head4], k and v [N,Lk,heads,4 head4].
struct Params {
  queries: u32,
  keys: u32,
  heads: u32,
  causal: u32, // 1 hides keys after the query's own position
  scale: f32,
  first_tile: u32, // workgroup or tile of rows that the dispatch begins with
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read> q: array<vec4f>;
@group(0) @binding(4) var<storage, read> k: array<vec4f>;
@group(0) @binding(5) var<storage, read> v: array<vec4f>;

// First vector of a head in row `row` of a sample that has `rows` of them.
fn head_at(sample: u32, rows: u32, row: u32, head: u32) -> u32 {
  return ((sample * rows + row) * params.heads + head) * head4;
}

// Keys that the queries before position `next` see.
fn keys_seen(next: u32) -> u32 {
  return select(params.keys, min(next, params.keys), params.causal == 1u);
}
