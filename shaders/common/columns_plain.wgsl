// Columns of a tile of product_tiles.wgsl: vectors of 4 in order, two of a thread side_x apart.
fn weight_column(tile: u32, lane: u32) -> u32 {
  return min(tile * 2u * side_x + lane, params.width4 - 1u);
}

fn finish(tile: u32, lane: u32, row: u32, y0: vec4f, y1: vec4f) {
  let column = tile * 2u * side_x + lane;
  if (column < params.width4) {
    store4(row, column, y0 + bias4(column));
  }
  if (column + side_x < params.width4) {
    store4(row, column + side_x, y1 + bias4(column + side_x));
  }
}
