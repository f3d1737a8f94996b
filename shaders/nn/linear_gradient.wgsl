// Input gradient of a frozen linear layer: dx[M,K] = dy[M,N] w[K,N]^T. The sum runs along the packed axis of w.
//
// The operands of a product, as linear.wgsl with dy for x and dx for y.

fn block_row(tap: u32, part: u32, column: u32, i: u32) -> vec4f {
  return unpack(w[(4u * column + i) * params.depth4 + part]);
}
