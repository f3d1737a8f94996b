// Mean of a group of channels over all pixels, and the sum of squared deviations from it: by a whole workgroup, in two
// passes. `x_at` gives a channel of a row, which is a pixel of a sample; `first` is the first channel of the group.
fn group_statistics(local: u32, first_row: u32, first: u32) -> vec2f {
  let size = params.group_channels;
  let count = params.pixels * size;
  var sum = 0.0;
  for (var i = local; i < count; i += threads) {
    let pixel = i / size;
    sum += x_at(first_row + pixel, first + i - pixel * size);
  }
  let mean = workgroup_sum(local, vec2f(sum, 0.0)).x / f32(count);
  var squares = 0.0;
  for (var i = local; i < count; i += threads) {
    let pixel = i / size;
    let centered = x_at(first_row + pixel, first + i - pixel * size) - mean;
    squares += centered * centered;
  }
  return vec2f(mean, workgroup_sum(local, vec2f(squares, 0.0)).x);
}
