// Sum over a workgroup of `threads` threads (a multiple of 16), in a fixed order; every thread gets the result.
var<workgroup> thread_sums: array<vec2f, threads>;
var<workgroup> part_sums: array<vec2f, 16>;

fn workgroup_sum(local: u32, value: vec2f) -> vec2f {
  thread_sums[local] = value;
  workgroupBarrier();
  if (local < 16u) {
    var part = vec2f();
    for (var i = 0u; i < threads / 16u; i++) {
      part += thread_sums[local * (threads / 16u) + i];
    }
    part_sums[local] = part;
  }
  workgroupBarrier();
  var sum = vec2f();
  for (var i = 0u; i < 16u; i++) {
    sum += part_sums[i];
  }
  return sum;
}
