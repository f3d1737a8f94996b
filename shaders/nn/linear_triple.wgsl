// Three linear layers without bias on the same rows, as queries, keys and values are: y_i = x w_i, all [K,N].
//
// The operands of product_tiles, as linear.wgsl with three times the columns.

@group(0) @binding(w_binding + 1) var<storage, read> w_1: array<Weight4>;
@group(0) @binding(w_binding + 2) var<storage, read> w_2: array<Weight4>;

fn block_row(tap: u32, part: u32, column: u32, i: u32) -> vec4f {
  let at = (4u * part + i) * params.width4 + column % params.width4;
  switch column / params.width4 {
    case 0u: {
      return unpack(w[at]);
    }
    case 1u: {
      return unpack(w_1[at]);
    }
    default: {
      return unpack(w_2[at]);
    }
  }
}
