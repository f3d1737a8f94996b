// Columns of a tile of product_tiles.wgsl over three weights beside each other, each with its own result, and their rows.
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y_1: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y_2: array<vec4f>;

fn weight_column(tile: u32, lane: u32) -> u32 {
  return min(tile * 2u * side_x + lane, 3u * params.width4 - 1u);
}

fn keep(row: u32, column: u32, value: vec4f) {
  let at = row * params.width4 + column % params.width4;
  switch column / params.width4 {
    case 0u: {
      y[at] = value;
    }
    case 1u: {
      y_1[at] = value;
    }
    case 2u: {
      y_2[at] = value;
    }
    default: {}
  }
}

fn finish(tile: u32, lane: u32, row: u32, y0: vec4f, y1: vec4f) {
  let column = tile * 2u * side_x + lane;
  keep(row, column, y0);
  keep(row, column + side_x, y1);
}
