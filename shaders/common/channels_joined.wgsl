// A channel of a row that two tensors hold, the first `joined` channels in one and the rest in the other.
@group(0) @binding(5) var<storage, read> x_1: array<f32>;

fn x_at(row: u32, channel: u32) -> f32 {
  if (channel < params.joined) {
    return x[row * params.joined + channel];
  }
  return x_1[row * (params.channels - params.joined) + channel - params.joined];
}
