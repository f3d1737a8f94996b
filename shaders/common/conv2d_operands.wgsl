// What a convolution and its input gradient share as products over the taps of the window: sizes, weight, and counting taps.
// Forward, rows are pixels of y and the sum is over Cin; the gradient's rows are pixels of x and its sum is over Cout.
struct Params {
  rows: u32, // of the result
  depth: u32, // channels that are summed over
  width: u32, // channels of the result
  depth4: u32, // a quarter of them, rounded up
  width4: u32,
  first_tile: u32, // row of workgroups that the dispatch begins with
  first_bias: u32, // value of the bias that belongs to the first column
  joined4: u32, // no such tensors here
  eps: f32, // no normalization here
  height: u32, // of what is convolved
  columns: u32,
  out_height: u32,
  out_columns: u32,
  kernel_height: u32,
  kernel_columns: u32,
  stride: u32,
  top: u32, // padding
  left: u32,
  source_height: u32, // before it is enlarged
  source_columns: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(w_binding) var<storage, read> w: array<Weight4>;

// Sample, row and column.
alias Place = vec3i;

fn taps() -> u32 {
  return params.kernel_height * params.kernel_columns;
}
