// Bias of dora_epilogue.wgsl, its last binding.
@group(0) @binding(6) var<storage, read> bias: array<Pack>;
fn bias_at(column: u32) -> Pack {
  return bias[column];
}
