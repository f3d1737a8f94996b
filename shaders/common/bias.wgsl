// Bias of four neighboring output channels; the last binding of its kernel.
@group(0) @binding(4) var<storage, read> bias: array<vec4f>;
fn bias4(column: u32) -> vec4f {
  return bias[column];
}
