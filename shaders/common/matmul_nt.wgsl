// Operands of matmul.wgsl: a [M,K], b [N,K], used transposed.
fn a_at(row: u32, k: u32) -> u32 {
  return row * params.inner + k;
}

fn b_at(k: u32, column: u32) -> u32 {
  return column * params.inner + k;
}
