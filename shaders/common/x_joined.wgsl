// Rows of a product that two tensors hold, the first 4 joined4 values in one and the rest in the other.
@group(0) @binding(x_binding) var<storage, read> x: array<vec4f>;
@group(0) @binding(x_binding + 1) var<storage, read> x_1: array<vec4f>;

fn load4(row: u32, part: u32) -> vec4f {
  if (part < params.joined4) {
    return x[row * params.joined4 + part];
  }
  return x_1[row * (params.depth4 - params.joined4) + part - params.joined4];
}
