// Input gradient of a frozen convolution, NHWC: dx[n,y,x,ci] = sum dy[n,oy,ox,co] w[ky,kx,ci,co] over taps with
// oy s = y + top - ky and ox s = x + left - kx. Any stride and padding.
//
// A thread makes 4 consecutive input pixels x 4 input channels in registers, as in conv2d.wgsl.
// Prefixed by a tile shape and by weight_f32 or weight_f16. Cin and Cout are divisible by 4.

struct Params {
  pixels: u32, // N H W
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
@group(0) @binding(1) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(2) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read> w: array<Weight4>;

// Sample, row and column of an input pixel, the last two with padding.
fn place(pixel: u32) -> vec3i {
  let area = params.height * params.width;
  let sample = pixel / area;
  let rest = pixel - sample * area;
  let row = rest / params.width;
  return vec3i(
    i32(sample),
    i32(row + params.top),
    i32(rest - row * params.width + params.left),
  );
}

// First element of the output pixel that tap (ky, kx) of this input pixel went to, or -1.
fn output_at(start: vec3i, ky: u32, kx: u32) -> i32 {
  let stride = i32(params.stride);
  let row = start.y - i32(ky);
  let column = start.z - i32(kx);
  if (row < 0 || column < 0 || row % stride != 0 || column % stride != 0) {
    return -1;
  }
  let oy = row / stride;
  let ox = column / stride;
  if (oy >= i32(params.out_height) || ox >= i32(params.out_width)) {
    return -1;
  }
  return ((start.x * i32(params.out_height) + oy) * i32(params.out_width) + ox) * i32(params.columns4);
}

fn output4(at: i32, channel4: u32) -> vec4f {
  return select(vec4f(), dy[u32(max(at, 0)) + channel4], at >= 0);
}

@compute @workgroup_size(tile_columns, tile_rows)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let k = group.x * tile_columns + local.x;
  let pixel = ((group.z * groups.y + group.y) * tile_rows + local.y) * 4u;
  if (k >= params.inner4 || pixel >= params.pixels) {
    return;
  }
  let last = params.pixels - 1u;
  let start0 = place(pixel);
  let start1 = place(min(pixel + 1u, last));
  let start2 = place(min(pixel + 2u, last));
  let start3 = place(min(pixel + 3u, last));
  var dx0 = vec4f();
  var dx1 = vec4f();
  var dx2 = vec4f();
  var dx3 = vec4f();
  for (var ky = 0u; ky < params.kernel_height; ky++) {
    for (var kx = 0u; kx < params.kernel_width; kx++) {
      let y0 = output_at(start0, ky, kx);
      let y1 = output_at(start1, ky, kx);
      let y2 = output_at(start2, ky, kx);
      let y3 = output_at(start3, ky, kx);
      if (max(max(y0, y1), max(y2, y3)) < 0) {
        continue;
      }
      let tap = (ky * params.kernel_width + kx) * params.inner4 + k;
      let first = 4u * tap * params.columns4;
      for (var c = 0u; c < params.columns4; c++) {
        let at = first + c;
        let rows_of_w = mat4x4f(
          unpack(w[at]),
          unpack(w[at + params.columns4]),
          unpack(w[at + 2u * params.columns4]),
          unpack(w[at + 3u * params.columns4]),
        );
        dx0 += output4(y0, c) * rows_of_w;
        dx1 += output4(y1, c) * rows_of_w;
        dx2 += output4(y2, c) * rows_of_w;
        dx3 += output4(y3, c) * rows_of_w;
      }
    }
  }
  let to = pixel * params.inner4 + k;
  dx[to] = dx0;
  if (pixel + 1u <= last) {
    dx[to + params.inner4] = dx1;
  }
  if (pixel + 2u <= last) {
    dx[to + 2u * params.inner4] = dx2;
  }
  if (pixel + 3u <= last) {
    dx[to + 3u * params.inner4] = dx3;
  }
}
