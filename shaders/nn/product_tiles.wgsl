// Product of rows with a frozen weight, tiled through workgroup memory and registers: a thread makes thread_rows rows x 8
// columns, and the values of the next step are on their way while those of this one are multiplied.
//
// A workgroup makes a tile of thread_rows side_y rows x 8 side_x columns, 4 tile_parts terms of the sum in a step. With
// `slices` above 1 as many parts of the workgroup share the sum, for products whose grid of tiles is small and whose sum is
// long; they are added in order. A row is summed in the same order however many there are. Rows of tiles continue from y
// into z. Two buffers take turns, so that a step has one barrier; all together are 1024 vectors, the 16 KiB every device has.
//
// Operands are linear, linear_triple, conv2d or conv2d_gradient and so on; columns_plain, columns_gated or columns_triple
// say which columns a thread has and what becomes of them. Blocks marked //#each D are unrolled thread_rows times, those
// marked //#each Q as often as a thread loads a vector of x, which is as often as it loads one of w; //#each N are there
// where rows are normalized, //#each S where there are slices.

const threads = side_x * side_y; // of a slice
const tile_rows = thread_rows * side_y;
const tile_columns = 2u * side_x; // vectors of 4
const x_size = tile_rows * tile_parts; // vectors in a buffer
const buffer = x_size + 4u * tile_columns * tile_parts;

// Of each slice two buffers: rows of x by their parts, then the blocks of w by part, row and column.
var<workgroup> tiles: array<vec4f, 2u * slices * buffer>;

@compute @workgroup_size(side_x, side_y, slices)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let thread = local.y * side_x + local.x;
  let mine = 2u * buffer * local.z;
  let first_row = (params.first_tile + group.z * groups.y + group.y) * tile_rows;
  let last = params.rows - 1u;
  // What the thread brings in every step.
  //#each Q
  let at_Q = thread + threads * Q;
  let line_Q = min(first_row + at_Q / tile_parts, last);
  let place_Q = place(line_Q);
  let x_part_Q = at_Q % tile_parts;
  // Neighboring threads read neighboring vectors of the weight, whichever way its rows run.
  let w_part_Q = select(at_Q / (4u * tile_columns), at_Q % tile_parts, along_sum);
  let w_line_Q = select((at_Q / tile_columns) % 4u, (at_Q / tile_parts) % 4u, along_sum);
  let w_lane_Q = select(at_Q % tile_columns, at_Q / (4u * tile_parts), along_sum);
  let w_column_Q = weight_column(group.x, w_lane_Q);
  let w_at_Q = x_size + (4u * w_part_Q + w_line_Q) * tile_columns + w_lane_Q;
  var from_Q = -1;
  var measured_Q = vec2f();
  //#end Q
  //#each N
  // First around zero for the mean, then around the mean.
  for (var turn = 0u; turn < 2u; turn++) {
    //#each Q
    tiles[mine + at_Q] = vec4f(row_moments(line_Q, x_part_Q, tile_parts, measured_Q.x), 0.0, 0.0);
    //#end Q
    workgroupBarrier();
    //#each Q
    var moments_Q = vec2f();
    for (var i = 0u; i < tile_parts; i++) {
      moments_Q += tiles[mine + at_Q - x_part_Q + i].xy / f32(params.depth);
    }
    measured_Q = vec2f(measured_Q.x + moments_Q.x, moments_Q.y);
    //#end Q
    workgroupBarrier();
  }
  //#end N
  let steps_of_tap = (params.depth4 + tile_parts - 1u) / tile_parts;
  let all_steps = taps() * steps_of_tap;
  let steps = (all_steps + slices - 1u) / slices;
  let first_step = local.z * steps;
  var tap = first_step / steps_of_tap;
  var start = (first_step - tap * steps_of_tap) * tile_parts;
  //#each D
  var y0_D = vec4f();
  var y1_D = vec4f();
  //#end D
  // One round more than there are steps: the first only loads, the last only multiplies.
  for (var step = 0u; step <= steps; step++) {
    //#each Q
    var x_Q = vec4f();
    var w_Q = vec4f();
    //#end Q
    if (step < steps && first_step + step < all_steps) {
      if (start == 0u || step == 0u) {
        //#each Q
        from_Q = source_row(place_Q, tap);
        //#end Q
      }
      //#each Q
      if (from_Q >= 0 && start + x_part_Q < params.depth4) {
        x_Q = normed(load4(u32(from_Q), start + x_part_Q), measured_Q, start + x_part_Q);
      }
      if (start + w_part_Q < params.depth4) {
        w_Q = block_row(tap, start + w_part_Q, w_column_Q, w_line_Q);
      }
      //#end Q
      start += tile_parts;
      if (start >= params.depth4) {
        start = 0u;
        tap++;
      }
    }
    if (step > 0u) {
      let x_from = mine + ((step + 1u) % 2u) * buffer + local.y * tile_parts;
      let w_from = mine + ((step + 1u) % 2u) * buffer + x_size + local.x;
      for (var part = 0u; part < tile_parts; part++) {
        let at = w_from + 4u * part * tile_columns;
        let u0 = tiles[at];
        let u1 = tiles[at + tile_columns];
        let u2 = tiles[at + 2u * tile_columns];
        let u3 = tiles[at + 3u * tile_columns];
        let v0 = tiles[at + side_x];
        let v1 = tiles[at + side_x + tile_columns];
        let v2 = tiles[at + side_x + 2u * tile_columns];
        let v3 = tiles[at + side_x + 3u * tile_columns];
        //#each D
        let row_D = tiles[x_from + side_y * D * tile_parts + part];
        y0_D += times(row_D, u0, u1, u2, u3);
        y1_D += times(row_D, v0, v1, v2, v3);
        //#end D
      }
    }
    //#each Q
    tiles[mine + (step % 2u) * buffer + at_Q] = x_Q;
    tiles[mine + (step % 2u) * buffer + w_at_Q] = w_Q;
    //#end Q
    workgroupBarrier();
  }
  //#each S
  let room = (local.z * threads + thread) * 2u * thread_rows;
  if (local.z > 0u) {
    //#each D
    tiles[room + 2u * D] = y0_D;
    tiles[room + 2u * D + 1u] = y1_D;
    //#end D
  }
  workgroupBarrier();
  for (var slice = 1u; slice < slices; slice++) {
    let other = (slice * threads + thread) * 2u * thread_rows;
    //#each D
    y0_D += tiles[other + 2u * D];
    y1_D += tiles[other + 2u * D + 1u];
    //#end D
  }
  //#end S
  if (local.z == 0u) {
    //#each D
    if (first_row + local.y + side_y * D <= last) {
      finish(group.x, local.x, first_row + local.y + side_y * D, y0_D, y1_D);
    }
    //#end D
  }
}
