// What group normalization and its gradient share: sizes, x [samples, pixels, channels], factor and summand of each channel.
struct Params {
  samples: u32,
  pixels: u32,
  channels: u32,
  group_channels: u32,
  silu: u32,
  eps: f32,
  joined: u32, // channels of the first part, where x is in two
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> gamma: array<f32>;
@group(0) @binding(4) var<storage, read> beta: array<f32>;
