// A channel of a row of x [rows, channels].
fn x_at(row: u32, channel: u32) -> f32 {
  return x[row * params.channels + channel];
}
