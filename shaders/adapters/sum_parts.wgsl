// c = sum of the parts of matmul.wgsl, in order: partial [count, parts, size], c [count, size].

struct Params {
  packs: u32, // of c
  size: u32,
  parts: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> c: array<f32>;
@group(0) @binding(2) var<storage, read> partial: array<f32>;

fn each(i: u32) {
  let entry = i / params.size;
  var at = entry * params.parts * params.size + i - entry * params.size;
  var sum = 0.0;
  for (var part = 0u; part < params.parts; part++) {
    sum += partial[at];
    at += params.size;
  }
  c[i] = sum;
}
