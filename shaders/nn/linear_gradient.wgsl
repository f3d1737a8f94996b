// Input gradient of a frozen linear layer: dx[M,K] = dy[M,N] w[K,N]^T. The sum runs along the packed axis of w.
//
// The operands of a product, as linear.wgsl with dy for x and dx for y.

struct Params {
  rows: u32, // M
  depth: u32, // N
  width: u32, // K
  depth4: u32,
  width4: u32,
  first_tile: u32, // row of workgroups that the dispatch begins with
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read> w: array<Weight4>;

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

fn block_row(tap: u32, part: u32, column: u32, i: u32) -> vec4f {
  return unpack(w[(4u * column + i) * params.depth4 + part]);
}

fn times(v: vec4f, w0: vec4f, w1: vec4f, w2: vec4f, w3: vec4f) -> vec4f {
  return v * mat4x4f(w0, w1, w2, w3);
}
