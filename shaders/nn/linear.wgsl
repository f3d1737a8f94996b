// Linear layer on a frozen weight: y[M,N] = x[M,K] w[K,N] + bias[N] + residual[M,N].
//
// The operands of a product, for product_registers, product_workgroup or product_subgroups. The weight is padded to
// multiples of 4.

struct Params {
  rows: u32, // M
  depth: u32, // K
  width: u32, // N
  depth4: u32, // a quarter of K, rounded up
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

// Row `i` of the 4 x 4 block of the weight that takes part `part` of a row of x to columns 4 column .. 4 column + 3.
fn block_row(tap: u32, part: u32, column: u32, i: u32) -> vec4f {
  return unpack(w[(4u * part + i) * params.width4 + column]);
}

fn times(v: vec4f, w0: vec4f, w1: vec4f, w2: vec4f, w3: vec4f) -> vec4f {
  return v.x * w0 + v.y * w1 + v.z * w2 + v.w * w3;
}
