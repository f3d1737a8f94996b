// One value per element, for sizes not divisible by 4.
alias Pack = f32;
fn total(x: Pack) -> f32 {
  return x;
}
