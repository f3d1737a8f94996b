// Gradient of geglu.wgsl: d value = dy * gelu(gate), d gate = dy * value * gelu'(gate).

struct Params {
  packs: u32, // of dy
  width: u32, // packs in a row of dy
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dx: array<Pack>;
@group(0) @binding(2) var<storage, read> x: array<Pack>;
@group(0) @binding(3) var<storage, read> dy: array<Pack>;

fn each(i: u32) {
  let value = i + (i / params.width) * params.width;
  let gate = value + params.width;
  dx[value] = dy[i] * activation(x[gate]);
  dx[gate] = dy[i] * x[value] * activation_slope(x[gate]);
}
