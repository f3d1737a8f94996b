// Gradients of dora_epilogue.wgsl with respect to base (factor 1) and ab (factor scaling): dy magnitude / norm factor.

struct Params {
  packs: u32,
  width: u32, // packs in a row
  factor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> scaled: array<Pack>;
@group(0) @binding(2) var<storage, read> dy: array<Pack>;
@group(0) @binding(3) var<storage, read> magnitude: array<Pack>;
@group(0) @binding(4) var<storage, read> norm: array<Pack>;

fn each(i: u32) {
  let column = i % params.width;
  scaled[i] = dy[i] * magnitude[column] / norm[column] * params.factor;
}
