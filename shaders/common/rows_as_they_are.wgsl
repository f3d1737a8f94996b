// Rows of product_tiles.wgsl that nothing is done to on their way in.
fn normed(x: vec4f, measured: vec2f, part: u32) -> vec4f {
  return x;
}

fn row_moments(row: u32, first: u32, stride: u32, center: f32) -> vec2f {
  return vec2f();
}
