// Four neighboring values per element, for sizes divisible by 4.
alias Pack = vec4f;
fn total(x: Pack) -> f32 {
  return dot(x, vec4f(1.0));
}
