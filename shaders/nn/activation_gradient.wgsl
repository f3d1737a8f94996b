// dx = dy * activation_slope(x), any shape.

struct Params {
  packs: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> dx: array<Pack>;
@group(0) @binding(2) var<storage, read> x: array<Pack>;
@group(0) @binding(3) var<storage, read> dy: array<Pack>;

fn each(i: u32) {
  dx[i] = dy[i] * activation_slope(x[i]);
}
