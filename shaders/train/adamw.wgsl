// AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) for one parameter, in the form of torch.optim.AdamW. The gradient is
// first multiplied by a factor that is on the GPU, so that clipping needs no read-back.

struct Params {
  packs: u32,
  beta1: f32,
  rest1: f32, // 1 - beta1, which f32 cannot subtract exactly
  beta2: f32,
  rest2: f32, // 1 - beta2
  eps: f32,
  decay: f32, // 1 - lr * weight decay
  step_size: f32, // lr / (1 - beta1^step)
  root_scale: f32, // 1 / sqrt(1 - beta2^step)
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> new_parameter: array<Pack>;
@group(0) @binding(2) var<storage, read_write> new_m: array<Pack>;
@group(0) @binding(3) var<storage, read_write> new_v: array<Pack>;
@group(0) @binding(4) var<storage, read> parameter: array<Pack>;
@group(0) @binding(5) var<storage, read> gradient: array<Pack>;
@group(0) @binding(6) var<storage, read> m: array<Pack>;
@group(0) @binding(7) var<storage, read> v: array<Pack>;
@group(0) @binding(8) var<storage, read> factor: array<f32>;

fn each(i: u32) {
  let g = gradient[i] * factor[0];
  let m_next = params.beta1 * m[i] + params.rest1 * g;
  let v_next = params.beta2 * v[i] + params.rest2 * g * g;
  let update = m_next / (sqrt(v_next) * params.root_scale + params.eps);
  new_m[i] = m_next;
  new_v[i] = v_next;
  new_parameter[i] = parameter[i] * params.decay - params.step_size * update;
}
