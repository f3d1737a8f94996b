// Frozen weights stored as pairs of halves, four neighboring output channels per element, low half first.
alias Weight4 = vec2u;
fn unpack(w: Weight4) -> vec4f {
  return vec4f(unpack2x16float(w.x), unpack2x16float(w.y));
}
