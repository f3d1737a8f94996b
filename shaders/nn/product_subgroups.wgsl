// Product of rows with a frozen weight, register-tiled, with the rows shared within a subgroup: no barriers.
//
// All threads of a workgroup work on the same `thread_rows` rows, each on 4 columns. The first four lanes of a subgroup
// read a quarter each of 16 values of a row, and every lane gets them by broadcast, so that a row is read in a quarter of
// the loads. Every row is summed in the same order however many there are. Needs subgroups of at least 4 lanes.
// Rows of workgroups continue from y into z. Operands are linear, linear_gradient, conv2d or conv2d_gradient. Blocks marked
// //#each D are unrolled thread_rows times, those marked //#each Q 4 times.

@compute @workgroup_size(tile_columns)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let row = (params.first_tile + group.z * groups.y + group.y) * thread_rows;
  let last = params.rows - 1u;
  if (row > last) {
    return;
  }
  // No thread leaves before the end: all of them lend their lane to the others.
  let own_column = group.x * tile_columns + local.x;
  let column = min(own_column, params.width4 - 1u);
  let quarter = lane % 4u;
  //#each D
  let place_D = place(min(row + D, last));
  var y_D = bias4(column);
  //#end D
  for (var tap = 0u; tap < taps(); tap++) {
    //#each D
    let source_D = source_row(place_D, tap);
    let from_D = u32(max(source_D, 0));
    //#end D
    for (var start = 0u; start < params.depth4; start += 4u) {
      let mine = min(start + quarter, params.depth4 - 1u);
      let inside = start + quarter < params.depth4;
      //#each D
      let x_D = select(vec4f(), load4(from_D, mine), inside & (source_D >= 0));
      //#end D
      //#each Q
      let part_Q = min(start + Q, params.depth4 - 1u);
      let w0_Q = block_row(tap, part_Q, column, 0u);
      let w1_Q = block_row(tap, part_Q, column, 1u);
      let w2_Q = block_row(tap, part_Q, column, 2u);
      let w3_Q = block_row(tap, part_Q, column, 3u);
      //#each D
      y_D += times(subgroupBroadcast(x_D, Q), w0_Q, w1_Q, w2_Q, w3_Q);
      //#end D
      //#end Q
    }
  }
  if (own_column < params.width4) {
    //#each D
    if (row + D <= last) {
      store4(row + D, own_column, y_D);
    }
    //#end D
  }
}
