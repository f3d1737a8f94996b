// Operands of matmul.wgsl: a [K,M], used transposed, b [K,N].
fn a_at(row: u32, k: u32) -> u32 {
  return k * params.rows + row;
}

fn b_at(k: u32, column: u32) -> u32 {
  return k * params.columns + column;
}
