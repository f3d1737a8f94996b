// y = activation(x), any shape.
//
// The activation is silu, gelu_erf or gelu_quick.

struct Params {
  packs: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<Pack>;
@group(0) @binding(2) var<storage, read> x: array<Pack>;

fn each(i: u32) {
  y[i] = activation(x[i]);
}
