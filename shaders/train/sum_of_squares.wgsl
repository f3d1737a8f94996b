// total = start + sum of the squares of all values of some tensors: one workgroup, always the same order.
//
// The launch generates struct Params (the sizes of the tensors), the bindings, and `fn squares(local: u32) -> f32`, the
// share of one thread.

@compute @workgroup_size(threads)
fn main(@builtin(local_invocation_index) local: u32) {
  let sum = workgroup_sum(local, vec2f(squares(local), 0.0)).x;
  if (local == 0u) {
    total[0] = start[0] + sum;
  }
}
