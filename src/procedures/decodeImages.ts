import type { PixelImage } from '../contract/events.ts';
import { decodeInBands, encodeInBands } from '../models/vae/bands.ts';
import { fromRgba, toRgba } from '../models/vae/pixels.ts';
import { decode, encode } from '../models/vae/run.ts';
import { trimPool } from '../tensor/memory.ts';
import { alone, inOnePiece, paced, settle } from '../tensor/pace.ts';
import { prepareKernels } from '../tensor/repeated.ts';
import { scope, type Tensor4D, tf } from '../tensor/tf.ts';
import { stackLatents } from './measureSet.ts';
import type { Session } from './session.ts';

/**
 * Free buffers that bands may leave for the next ones: enough for those of one size, which come again and again, not for
 * those of every size.
 */
const KEPT_BYTES = 128e6;

/** Decodes latents in scaled space (NHWC) to RGBA images. */
export async function decodeImages(
  session: Session,
  latents: readonly Float32Array[],
): Promise<PixelImage[]> {
  const { model, policy } = session;
  const { vae } = model;
  const { scalingFactor } = vae.config;
  return withVae(session, async (pace) => {
    const images: PixelImage[] = [];
    for (let from = 0; from < latents.length; from += policy.decodeImages) {
      const group = latents.slice(from, from + policy.decodeImages).map((latent) => ({ latent }));
      const unscaled = scope(() => tf.div(stackLatents(session, group), scalingFactor) as Tensor4D);
      await prepareDecoding(session, unscaled);
      const decoded =
        policy.decodeBands === 1
          ? decode(vae, unscaled)
          : await paced(decodeInBands(vae, unscaled, policy.decodeBands), pace);
      const [, height, width] = decoded.shape;
      images.push(...(await toRgba(decoded)).map((rgba) => ({ width, height, rgba })));
      tf.dispose([unscaled, decoded]);
    }
    return images;
  });
}

/** The mean latents in scaled space (NHWC) of RGBA images of the session's size. */
export async function encodePixels(
  session: Session,
  images: readonly Uint8ClampedArray[],
): Promise<Float32Array[]> {
  const { model, policy, latentShape } = session;
  const { factor, scalingFactor } = model.vae.config;
  const [h, w] = latentShape;
  return withVae(session, async (pace) => {
    const latents: Float32Array[] = [];
    for (const pixels of images) {
      const image = tf.tensor4d(fromRgba(pixels), [1, h * factor, w * factor, 3]);
      const { mean, logvar } =
        policy.decodeBands === 1
          ? encode(model.vae, image)
          : await paced(encodeInBands(model.vae, image, policy.decodeBands), pace);
      const scaled = tf.mul(mean, scalingFactor) as Tensor4D;
      latents.push(Float32Array.from((await scaled.data()) as Float32Array));
      tf.dispose([image, mean, logvar, scaled]);
    }
    return latents;
  });
}

/** Sizes of latents whose decoding has been compiled, by model. */
const prepared = new WeakMap<object, Set<string>>();

/** Compiles what decoding needs before the first of a size. */
async function prepareDecoding({ model: { vae }, policy }: Session, latent: Tensor4D): Promise<void> {
  const sizes = prepared.get(vae) ?? new Set();
  prepared.set(vae, sizes);
  const size = [...latent.shape, policy.decodeBands].join();
  if (sizes.has(size)) return;
  sizes.add(size);
  await prepareKernels(() => {
    const image =
      policy.decodeBands === 1
        ? decode(vae, latent)
        : inOnePiece(decodeInBands(vae, latent, policy.decodeBands));
    image.dispose();
  });
}

type Pace = () => Promise<void>;

/** Brings the VAE. Where memory is short nothing else runs meanwhile, and the pool is emptied again and again. */
async function withVae<T>({ model, policy }: Session, work: (pace: Pace) => Promise<T>): Promise<T> {
  const held = async (pace: Pace): Promise<T> => {
    const release = await model.parts.vae.hold();
    try {
      return await work(pace);
    } finally {
      release();
    }
  };
  if (policy.decodeBands === 1) return held(settle);
  return alone(async (catchUp) => {
    trimPool();
    try {
      return await held(async () => {
        await catchUp();
        trimPool(KEPT_BYTES);
      });
    } finally {
      trimPool();
    }
  });
}
