// SiLU and its derivative.
fn activation(x: Pack) -> Pack {
  return x / (1.0 + exp(-x));
}

fn activation_slope(x: Pack) -> Pack {
  let s = 1.0 / (1.0 + exp(-x));
  return s * (1.0 + x * (1.0 - s));
}
