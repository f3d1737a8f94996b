// Four values of a sum times a block of the weight whose rows run along the sum.
fn times(v: vec4f, w0: vec4f, w1: vec4f, w2: vec4f, w3: vec4f) -> vec4f {
  return v * mat4x4f(w0, w1, w2, w3);
}
