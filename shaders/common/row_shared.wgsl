// A row belongs to 16 threads, which read neighboring vectors; workgroups of 64 threads have 4 rows.
const share = 16u;
var<workgroup> row_parts: array<f32, 64>;

fn row_total(local: u32, value: f32) -> f32 {
  // Those of the sum before are read until here.
  workgroupBarrier();
  row_parts[local] = value;
  workgroupBarrier();
  let first = local - local % share;
  var total = 0.0;
  for (var i = 0u; i < share; i++) {
    total += row_parts[first + i];
  }
  return total;
}
