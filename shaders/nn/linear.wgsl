// Linear layer on a frozen weight: y[M,N] = x[M,K] w[K,N] + bias[N] + residual[M,N].
//
// The operands of a product, for product_registers, product_tiles or product_subgroups. The weight is padded to multiples of 4; its
// rows are `spans` times as wide as those of y where gates follow the values.

// Row `i` of the 4 x 4 block of the weight that takes part `part` of a row of x to columns 4 column .. 4 column + 3.
fn block_row(tap: u32, part: u32, column: u32, i: u32) -> vec4f {
  return unpack(w[(4u * part + i) * (spans * params.width4) + column]);
}
