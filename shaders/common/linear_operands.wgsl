// Sizes of a product with a matrix [K,N] and its rows of x, for linear.wgsl (depth K, width N) and linear_gradient.wgsl
// (depth N, width K).
struct Params {
  rows: u32,
  depth: u32,
  width: u32,
  depth4: u32, // a quarter of the depth, rounded up
  width4: u32,
  first_tile: u32, // row of workgroups that the dispatch begins with
  first_bias: u32, // value of the bias that belongs to the first column
  joined4: u32, // vectors of a row in the first of two tensors
  eps: f32, // of a normalization on the way in
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(w_binding) var<storage, read> w: array<Weight4>;

alias Place = u32;

fn taps() -> u32 {
  return 1u;
}

fn place(row: u32) -> Place {
  return row;
}

fn source_row(place: Place, tap: u32) -> i32 {
  return i32(place);
}
