// Layer normalization of the rows of a product on their way in, as layer_norm.wgsl: (x - mean) / std * gamma + beta. The
// threads that load a row share its sums.
@group(0) @binding(gamma_binding) var<storage, read> gamma: array<vec4f>;
@group(0) @binding(gamma_binding + 1) var<storage, read> beta: array<vec4f>;

// Sum and sum of squares of every `stride`-th vector of a row, around `center`.
fn row_moments(row: u32, first: u32, stride: u32, center: f32) -> vec2f {
  var sum = vec4f();
  var squares = vec4f();
  for (var part = first; part < params.depth4; part += stride) {
    let centered = load4(row, part) - center;
    sum += centered;
    squares += centered * centered;
  }
  return vec2f(dot(sum, vec4f(1.0)), dot(squares, vec4f(1.0)));
}

// `measured` is mean and variance of the row.
fn normed(x: vec4f, measured: vec2f, part: u32) -> vec4f {
  return (x - measured.x) / sqrt(measured.y + params.eps) * gamma[part] + beta[part];
}
