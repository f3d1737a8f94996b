// Frozen weights stored as f32, four neighboring output channels per element.
alias Weight4 = vec4f;
fn unpack(w: Weight4) -> vec4f {
  return w;
}
