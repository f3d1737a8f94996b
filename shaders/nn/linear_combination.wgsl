// y = sum of coefficient_i * term_i, left to right, any shape.
//
// The launch generates
// struct Params (packs: u32, then the coefficients), the bindings, and `fn combined(i: u32) -> Pack`.

fn each(i: u32) {
  y[i] = combined(i);
}
