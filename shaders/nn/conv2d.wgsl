// 2-D convolution on a frozen weight, NHWC: y[n,oy,ox,co] = bias[co] + sum x[n, oy s + ky - top, ox s + kx - left, ci] w[ky,kx,ci,co].
//
// A thread makes 4 consecutive output pixels x 4 output channels in registers: no workgroup memory, no barriers. A pixel
// is summed in the same order whatever the batch. Workgroups cover tile_columns x tile_rows threads; rows of workgroups
// continue from y into z.
// Prefixed by a tile shape, by weight_f32 or weight_f16, and by bias or no_bias. Cin and Cout are divisible by 4.

struct Params {
  pixels: u32, // N H' W'
  height: u32,
  width: u32,
  out_height: u32,
  out_width: u32,
  kernel_height: u32,
  kernel_width: u32,
  stride: u32,
  top: u32, // padding
  left: u32,
  inner4: u32, // Cin / 4
  columns4: u32, // Cout / 4
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read> w: array<Weight4>;

// Where the window of one output pixel begins: sample, row and column, the last two before padding is taken off.
fn window(pixel: u32) -> vec3i {
  let area = params.out_height * params.out_width;
  let sample = pixel / area;
  let rest = pixel - sample * area;
  let row = rest / params.out_width;
  let column = rest - row * params.out_width;
  return vec3i(
    i32(sample),
    i32(row * params.stride) - i32(params.top),
    i32(column * params.stride) - i32(params.left),
  );
}

// First element of the input pixel under tap (ky, kx), or -1 outside the image.
fn input_at(start: vec3i, ky: u32, kx: u32) -> i32 {
  let row = start.y + i32(ky);
  let column = start.z + i32(kx);
  if (row < 0 || column < 0 || row >= i32(params.height) || column >= i32(params.width)) {
    return -1;
  }
  return ((start.x * i32(params.height) + row) * i32(params.width) + column) * i32(params.inner4);
}

fn input4(at: i32, channel4: u32) -> vec4f {
  return select(vec4f(), x[u32(max(at, 0)) + channel4], at >= 0);
}

fn row_times(v: vec4f, w0: vec4f, w1: vec4f, w2: vec4f, w3: vec4f) -> vec4f {
  return v.x * w0 + v.y * w1 + v.z * w2 + v.w * w3;
}

@compute @workgroup_size(tile_columns, tile_rows)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let column = group.x * tile_columns + local.x;
  let pixel = ((group.z * groups.y + group.y) * tile_rows + local.y) * 4u;
  if (column >= params.columns4 || pixel >= params.pixels) {
    return;
  }
  let last = params.pixels - 1u;
  let start0 = window(pixel);
  let start1 = window(min(pixel + 1u, last));
  let start2 = window(min(pixel + 2u, last));
  let start3 = window(min(pixel + 3u, last));
  var y0 = bias4(column);
  var y1 = y0;
  var y2 = y0;
  var y3 = y0;
  var at = column;
  for (var ky = 0u; ky < params.kernel_height; ky++) {
    for (var kx = 0u; kx < params.kernel_width; kx++) {
      let x0 = input_at(start0, ky, kx);
      let x1 = input_at(start1, ky, kx);
      let x2 = input_at(start2, ky, kx);
      let x3 = input_at(start3, ky, kx);
      for (var c = 0u; c < params.inner4; c++) {
        let w0 = unpack(w[at]);
        let w1 = unpack(w[at + params.columns4]);
        let w2 = unpack(w[at + 2u * params.columns4]);
        let w3 = unpack(w[at + 3u * params.columns4]);
        at += 4u * params.columns4;
        y0 += row_times(input4(x0, c), w0, w1, w2, w3);
        y1 += row_times(input4(x1, c), w0, w1, w2, w3);
        y2 += row_times(input4(x2, c), w0, w1, w2, w3);
        y3 += row_times(input4(x3, c), w0, w1, w2, w3);
      }
    }
  }
  let to = pixel * params.columns4 + column;
  y[to] = y0;
  if (pixel + 1u <= last) {
    y[to + params.columns4] = y1;
  }
  if (pixel + 2u <= last) {
    y[to + 2u * params.columns4] = y2;
  }
  if (pixel + 3u <= last) {
    y[to + 3u * params.columns4] = y3;
  }
}
