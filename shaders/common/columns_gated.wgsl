// Columns of a tile of product_tiles.wgsl where the weight holds values, then gates (GEGLU, Shazeer 2020,
// arXiv:2002.05202): a thread makes a value and its gate, of which one column of y is left.
fn weight_column(tile: u32, lane: u32) -> u32 {
  return min(tile * side_x + lane % side_x, params.width4 - 1u) + (lane / side_x) * params.width4;
}

fn finish(tile: u32, lane: u32, row: u32, value: vec4f, gate: vec4f) {
  let column = tile * side_x + lane;
  if (column < params.width4) {
    store4(row, column, (value + bias4(column)) * activation(gate + bias4(column + params.width4)));
  }
}
