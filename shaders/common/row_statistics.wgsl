// What layer normalization and its gradient share: sizes, rows [rows, 4 width4] with the factor of each channel, and statistics.

struct Params {
  rows: u32,
  width4: u32,
  eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read> gamma: array<vec4f>;

// Mean of a row and one over its standard deviation, in two passes by the `share` threads of the row. `first` is the row's
// first vector, `local` the thread in its workgroup.
fn row_statistics(first: u32, local: u32) -> vec2f {
  let width = 4.0 * f32(params.width4);
  var sum = vec4f();
  for (var i = local % share; i < params.width4; i += share) {
    sum += x[first + i];
  }
  let mean = row_total(local, dot(sum, vec4f(1.0))) / width;
  var squares = vec4f();
  for (var i = local % share; i < params.width4; i += share) {
    let centered = x[first + i] - mean;
    squares += centered * centered;
  }
  return vec2f(mean, 1.0 / sqrt(row_total(local, dot(squares, vec4f(1.0))) / width + params.eps));
}
