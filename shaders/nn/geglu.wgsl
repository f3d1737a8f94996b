// GEGLU (Shazeer 2020, arXiv:2002.05202): y = value * gelu(gate), where a row of x holds value, then gate.

struct Params {
  packs: u32, // of y
  width: u32, // packs in a row of y
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<Pack>;
@group(0) @binding(2) var<storage, read> x: array<Pack>;

fn each(i: u32) {
  let value = i + (i / params.width) * params.width;
  y[i] = x[value] * activation(x[value + params.width]);
}
