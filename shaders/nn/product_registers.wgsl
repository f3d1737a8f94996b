// Product of rows with a frozen weight, register-tiled: no workgroup memory, no barriers.
//
// A thread makes `thread_rows` rows x 4 columns. Every row is summed in the same order however many there are.
// Workgroups cover tile_columns x tile_rows threads; rows of workgroups continue from y into z.
// Operands are linear, linear_gradient, conv2d or conv2d_gradient. Blocks marked //#each D
// are unrolled thread_rows times.

@compute @workgroup_size(tile_columns, tile_rows)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let column = group.x * tile_columns + local.x;
  let row = ((params.first_tile + group.z * groups.y + group.y) * tile_rows + local.y) * thread_rows;
  if (column >= params.width4 || row >= params.rows) {
    return;
  }
  let last = params.rows - 1u;
  //#each D
  let place_D = place(min(row + D, last));
  var y_D = bias4(column);
  //#end D
  for (var tap = 0u; tap < taps(); tap++) {
    //#each D
    let source_D = source_row(place_D, tap);
    let from_D = u32(max(source_D, 0));
    //#end D
    for (var part = 0u; part < params.depth4; part++) {
      let w0 = block_row(tap, part, column, 0u);
      let w1 = block_row(tap, part, column, 1u);
      let w2 = block_row(tap, part, column, 2u);
      let w3 = block_row(tap, part, column, 3u);
      //#each D
      y_D += times(select(vec4f(), load4(from_D, part), source_D >= 0), w0, w1, w2, w3);
      //#end D
    }
  }
  //#each D
  if (row + D <= last) {
    store4(row + D, column, y_D);
  }
  //#end D
}
