// Guidance and the MI term in one pass over the two noise predictions of a step.
//
//   deltaEps = epsCond - epsUncond
//   guided   = epsUncond + guidance * deltaEps     (classifier-free guidance)
//   squared  = sum over the sample of deltaEps^2   (MI-TUNE, Algorithm 2)
//
// noise is [2N, size], the unconditional half first. One workgroup per sample, folded into x and y; each thread strides
// through the sample, then one thread adds the 64 partial sums in order: the same bits whatever the batch.

struct Params {
  guidance: f32,
  packs: u32, // per sample
  samples: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> guided: array<Pack>;
@group(0) @binding(2) var<storage, read_write> squared: array<f32>;
@group(0) @binding(3) var<storage, read> noise: array<Pack>;

const threads = 64u;
var<workgroup> sums: array<f32, threads>;

@compute @workgroup_size(threads)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let sample = group.y * groups.x + group.x;
  if (sample >= params.samples) {
    return;
  }
  let uncond = sample * params.packs;
  let cond = (params.samples + sample) * params.packs;
  var sum = Pack();
  for (var i = local; i < params.packs; i += threads) {
    let epsUncond = noise[uncond + i];
    let deltaEps = noise[cond + i] - epsUncond;
    guided[uncond + i] = epsUncond + params.guidance * deltaEps;
    sum += deltaEps * deltaEps;
  }
  sums[local] = total(sum);
  workgroupBarrier();
  if (local == 0u) {
    var all = 0.0;
    for (var i = 0u; i < threads; i++) {
      all += sums[i];
    }
    squared[sample] = all;
  }
}
