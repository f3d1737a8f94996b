// Mean of a row and one over its standard deviation, by one thread in two passes. `first` is the row's first vector.
fn row_statistics(first: u32) -> vec2f {
  let width = 4.0 * f32(params.width4);
  var sum = vec4f();
  for (var i = 0u; i < params.width4; i++) {
    sum += x[first + i];
  }
  let mean = dot(sum, vec4f(1.0)) / width;
  var squares = vec4f();
  for (var i = 0u; i < params.width4; i++) {
    let centered = x[first + i] - mean;
    squares += centered * centered;
  }
  return vec2f(mean, 1.0 / sqrt(dot(squares, vec4f(1.0)) / width + params.eps));
}
