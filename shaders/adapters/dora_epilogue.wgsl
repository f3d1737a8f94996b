// End of a DoRA layer (Liu et al. 2024, arXiv:2402.09353, section 4.3): y = (base + scaling ab) magnitude / norm + bias.

struct Params {
  packs: u32,
  width: u32, // packs in a row
  scaling: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<Pack>;
@group(0) @binding(2) var<storage, read> base: array<Pack>;
@group(0) @binding(3) var<storage, read> ab: array<Pack>;
@group(0) @binding(4) var<storage, read> magnitude: array<Pack>;
@group(0) @binding(5) var<storage, read> norm: array<Pack>;

fn each(i: u32) {
  let column = i % params.width;
  y[i] = (base[i] + params.scaling * ab[i]) * magnitude[column] / norm[column] + bias_at(column);
}
