/** Encoder and decoder of AutoencoderKL, NHWC. Scaling by `scalingFactor` is the caller's (diffusers convention). */
import { conv2d } from '../../tensor/ops/conv2d.ts';
import { sliceChannels } from '../../tensor/ops/shape.ts';
import { type Tensor3D, type Tensor4D, tf } from '../../tensor/tf.ts';
import { attend, runConv, runGroupNorm, runLinear } from '../layers.ts';
import type { VaeAttention, VaeBlock, VaeMid, VaeResnet, VaeWeights } from './weights.ts';

/** Every GroupNorm of the VAE, unlike the UNet's 1e-5. */
export const NORM_EPS = 1e-6;

/** Diagonal Gaussian over latents, before scaling: mean and log variance [N, h, w, C], clamped to [-30, 20]. */
export type Moments = { readonly mean: Tensor4D; readonly logvar: Tensor4D };

/** image [N, H, W, 3] in [-1, 1] -> moments of its latent [N, H/f, W/f, C]. */
export function encode(vae: VaeWeights, image: Tensor4D): Moments {
  const moments = encodeMoments(vae, image);
  const split = splitMoments(moments);
  moments.dispose();
  return split;
}

/** The end of the encoder: what the last down block gave [N, h, w, C'] -> moments. */
export function finishEncoding(vae: VaeWeights, h: Tensor4D): Moments {
  return tf.tidy(() => splitMoments(runLowRes(vae, h)));
}

function splitMoments(moments: Tensor4D): Moments {
  return tf.tidy(() => {
    const width = moments.shape[3] / 2;
    const [mean, logvar] = [sliceChannels(moments, 0, width), sliceChannels(moments, width, width)];
    return { mean, logvar: tf.clipByValue(logvar, -30, 20) };
  });
}

/** Raw output of quant_conv [N, h, w, 2C]: mean and unclamped log variance. */
export function encodeMoments(vae: VaeWeights, image: Tensor4D): Tensor4D {
  const { encoder } = vae;
  let h = runConv(encoder.convIn, image);
  for (const block of encoder.blocks) h = replace(h, runBlock(block, h, vae, 'down'));
  return replace(h, runLowRes(vae, h));
}

function runLowRes(vae: VaeWeights, h: Tensor4D): Tensor4D {
  const { mid, normOut, convOut } = vae.encoder;
  return tf.tidy(() => {
    const normed = normSilu(normOut, runMid(mid, h, vae), vae);
    return runLinear(vae.quant, runConv(convOut, normed)) as Tensor4D;
  });
}

/** latent [N, h, w, C], already divided by the scaling factor -> image [N, h f, w f, 3], about [-1, 1]. */
export function decode(vae: VaeWeights, latent: Tensor4D): Tensor4D {
  const { decoder } = vae;
  let h = tf.tidy(() => runConv(decoder.convIn, runLinear(vae.postQuant, latent) as Tensor4D));
  h = replace(h, runMid(decoder.mid, h, vae));
  for (const block of decoder.blocks) h = replace(h, runBlock(block, h, vae, 'up'));
  return replace(
    h,
    tf.tidy(() => runConv(decoder.convOut, normSilu(decoder.normOut, h, vae))),
  );
}

/** Frees `old` and passes `next` on: the coders hold one activation at a time. */
function replace(old: Tensor4D, next: Tensor4D): Tensor4D {
  old.dispose();
  return next;
}

function normSilu(w: VaeResnet['norm1'], x: Tensor4D, vae: VaeWeights): Tensor4D {
  return runGroupNorm(w, x, { groups: vae.config.groups, eps: NORM_EPS, silu: true });
}

function runBlock(w: VaeBlock, x: Tensor4D, vae: VaeWeights, direction: 'down' | 'up'): Tensor4D {
  return tf.tidy(() => {
    let h = x;
    for (const resnet of w.resnets) h = runResnet(resnet, h, vae);
    if (w.resample === null) return h;
    // The encoder pads right and bottom only, then strides without padding.
    return direction === 'down'
      ? (conv2d(h, w.resample.w, w.resample.b, { stride: 2, pad: 'bottomRight' }) as Tensor4D)
      : runConv(w.resample, h, { upsample: [2 * h.shape[1], 2 * h.shape[2]] });
  });
}

/** The middle block: a residual block, attention over all pixels, a residual block. */
export function runMid(w: VaeMid, x: Tensor4D, vae: VaeWeights): Tensor4D {
  return tf.tidy(() => runResnet(w.last, runAttention(w.attention, runResnet(w.first, x, vae), vae), vae));
}

function runResnet(w: VaeResnet, x: Tensor4D, vae: VaeWeights): Tensor4D {
  const h = normSilu(w.norm2, runConv(w.conv1, normSilu(w.norm1, x, vae)), vae);
  return runConv(w.conv2, h, { residual: w.shortcut === null ? x : (runLinear(w.shortcut, x) as Tensor4D) });
}

/** One head over all channels, with biases and a residual. */
function runAttention(w: VaeAttention, x: Tensor4D, vae: VaeWeights): Tensor4D {
  const [n, height, width, channels] = x.shape;
  const normed = runGroupNorm(w.norm, x, { groups: vae.config.groups, eps: NORM_EPS, silu: false });
  const tokens = tf.reshape(normed, [n, height * width, channels]);
  const q = runLinear(w.toQ, tokens) as Tensor3D;
  const k = runLinear(w.toK, tokens) as Tensor3D;
  const v = runLinear(w.toV, tokens) as Tensor3D;
  const site = {
    name: 'mid_block.attentions.0',
    kind: 'self',
    resolution: [height, width],
    heads: 1,
  } as const;
  const out = runLinear(w.toOut, attend(q, k, v, site, undefined), tf.reshape(x, tokens.shape));
  return tf.reshape(out, x.shape);
}
