// Sizes of one attention, for attention.wgsl, attention_tiled.wgsl and the gradients with one thread per row.
struct Params {
  queries: u32,
  keys: u32,
  heads: u32,
  causal: u32, // 1 hides keys after the query's own position
  scale: f32,
  first_tile: u32, // workgroup or tile of rows that the dispatch begins with
}

@group(0) @binding(0) var<uniform> params: Params;
