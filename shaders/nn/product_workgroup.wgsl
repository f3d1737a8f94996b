// Product of rows with a frozen weight, tiled through workgroup memory: every value is read once per tile.
//
// A workgroup of side x side threads makes 4 side rows x 4 side columns, 16 values of the sum at a time; a thread makes
// 4 x 4. Every row is summed in the same order however many there are. Rows of workgroups continue from y into z.
// `side` is 8 or 16; operands are linear, linear_gradient, conv2d or conv2d_gradient. Blocks marked
// //#each D are unrolled 4 times.

const threads = side * side;
const tile_parts = 4u; // quarters of the depth in one tile

var<workgroup> x_tile: array<array<vec4f, tile_parts>, 4u * side>;
var<workgroup> w_tile: array<array<array<vec4f, side>, 4>, tile_parts>;

@compute @workgroup_size(side, side)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let first_column = group.x * side;
  let first_row = (params.first_tile + group.z * groups.y + group.y) * 4u * side;
  let last = params.rows - 1u;
  let column = min(first_column + local.x, params.width4 - 1u);
  let row = first_row + 4u * local.y;
  //#each D
  var y_D = bias4(column);
  //#end D
  for (var tap = 0u; tap < taps(); tap++) {
    for (var start = 0u; start < params.depth4; start += tile_parts) {
      for (var i = index; i < 4u * side * tile_parts; i += threads) {
        let part = start + i % tile_parts;
        let source = source_row(place(min(first_row + i / tile_parts, last)), tap);
        let inside = (source >= 0) & (part < params.depth4);
        x_tile[i / tile_parts][i % tile_parts] =
          select(vec4f(), load4(u32(max(source, 0)), min(part, params.depth4 - 1u)), inside);
      }
      for (var i = index; i < 4u * side * tile_parts; i += threads) {
        let part = start + i / (4u * side);
        let w_column = min(first_column + i % side, params.width4 - 1u);
        let of_block = (i / side) % 4u;
        w_tile[i / (4u * side)][of_block][i % side] =
          select(vec4f(), block_row(tap, min(part, params.depth4 - 1u), w_column, of_block), part < params.depth4);
      }
      workgroupBarrier();
      for (var part = 0u; part < tile_parts; part++) {
        let w0 = w_tile[part][0][local.x];
        let w1 = w_tile[part][1][local.x];
        let w2 = w_tile[part][2][local.x];
        let w3 = w_tile[part][3][local.x];
        //#each D
        y_D += times(x_tile[4u * local.y + D][part], w0, w1, w2, w3);
        //#end D
      }
      workgroupBarrier();
    }
  }
  if (first_column + local.x < params.width4) {
    //#each D
    if (row + D <= last) {
      store4(row + D, column, y_D);
    }
    //#end D
  }
}
