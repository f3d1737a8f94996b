import { stackLatents } from '../methods/measureSet.ts';
import type { Session } from '../methods/session.ts';
import { toRgba } from '../models/vae/pixels.ts';
import { decode } from '../models/vae/run.ts';
import { scoreImage } from '../shapes/score.ts';
import { scope } from '../tensor/scope.ts';
import { type Tensor4D, tf } from '../tensor/tf.ts';
import type { ExactScore, PixelImage } from './events.ts';

/** Images decoded together: the decoder's activations are many times larger than the latents. */
const DECODE_BATCH = 8;

/** Decodes latents in scaled space (NHWC) to RGBA images. */
export async function decodeImages(
  session: Session,
  latents: readonly Float32Array[],
): Promise<PixelImage[]> {
  const { vae } = session.model;
  const images: PixelImage[] = [];
  for (let from = 0; from < latents.length; from += DECODE_BATCH) {
    const group = latents.slice(from, from + DECODE_BATCH).map((latent) => ({ latent }));
    const decoded = scope(() =>
      decode(vae, tf.div(stackLatents(session, group), vae.config.scalingFactor) as Tensor4D),
    );
    const [, height, width] = decoded.shape;
    images.push(...(await toRgba(decoded)).map((rgba) => ({ width, height, rgba })));
    decoded.dispose();
  }
  return images;
}

/** Exact score of an image of the shapes world; null for other models and for prompts outside its grammar. */
export function exactScore(image: PixelImage, prompt: string, shapesWorld: boolean): ExactScore | null {
  if (!shapesWorld) return null;
  const found = scoreImage(toRgb(image), prompt);
  return found === null ? null : { share: found.share, strict: found.strict };
}

/** Drops the alpha channel. */
export function toRgb({ rgba }: PixelImage): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let p = 0; p < rgba.length / 4; p++) rgb.set(rgba.subarray(4 * p, 4 * p + 3), 3 * p);
  return rgb;
}
