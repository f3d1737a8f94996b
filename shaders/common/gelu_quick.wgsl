// Quick GELU (OpenAI CLIP), x sigmoid(1.702 x), and its derivative.
fn activation(x: Pack) -> Pack {
  return x / (1.0 + exp(-1.702 * x));
}

fn activation_slope(x: Pack) -> Pack {
  let s = 1.0 / (1.0 + exp(-1.702 * x));
  return s * (1.0 + 1.702 * x * (1.0 - s));
}
