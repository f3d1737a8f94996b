/** Stage `real-images`: encode the user's captioned images and rank them by re-noised MI (the paper's Table 7; our reading). */

import { StudioError } from '../lib/errors.ts';
import { renoisePlan } from '../mi/renoisedScore.ts';
import { encodePixels } from '../procedures/decodeImages.ts';
import { type CaptionedLatent, measureSet } from '../procedures/measureSet.ts';
import { packMeasurements, scoreOfMeasurements, unpackMeasurements } from '../procedures/scoring.ts';
import { sessionScheduler } from '../procedures/session.ts';
import { listImages, openImage } from '../storage/imageStore.ts';
import type { PoolLease } from '../storage/pools.ts';
import { Progress, type RunContext } from './runContext.ts';

/** Steps of the grid that real images are noised to; each costs two evaluations per draw. */
const GRID_STEPS = 20;
const REAL_SEED = 0x7265616c;
/** Images encoded before they are measured, where the VAE has to be loaded for it. */
const ENCODED_TOGETHER = 32;

export type RankedImage = CaptionedLatent & {
  readonly fileName: string;
  readonly score: number;
  readonly standardError: number | null;
};

/** What of a run the ranking needs. */
type RealImagesRun = Pick<RunContext, 'store' | 'spec' | 'session'>;

type NamedImage = { readonly name: string; readonly blob: Blob };

/** Encodes and measures what is missing. Nothing to do without real images. */
export async function runRealImagesStage(run: RunContext): Promise<void> {
  const folder = run.spec.realImages?.folder;
  if (folder === undefined) return;
  const images = await listImages(folder);
  const { lease, grid } = await openRealLog(run);
  const { log } = lease;
  try {
    const missing = images
      .map((image, index) => ({ ...image, index }))
      .filter(({ index }) => !log.has(index, 0));
    const progress = new Progress(run, 'real-images', {
      done: images.length - missing.length,
      total: images.length,
      unit: 'images',
    });
    const { batch } = run.spec.sampling;
    const together = run.session.policy.decodeBands === 1 ? batch : ENCODED_TOGETHER;
    for (let from = 0; from < missing.length; from += together) {
      run.signal.throwIfAborted();
      const group = missing.slice(from, from + together);
      const latents = await encodeImages(
        run,
        await Promise.all(
          group.map(async (g) => ({ name: g.fileName, blob: await openImage(folder, g.fileName) })),
        ),
      );
      const captioned = group.map(
        (g, i): CaptionedLatent => ({ text: g.text, latent: latents[i] as Float32Array }),
      );
      const measured = await measureSet(run.session, null, captioned, {
        grid,
        draws: run.spec.score.noiseDraws,
        seed: REAL_SEED,
        batch,
        signal: run.signal,
      });
      await log.append(
        group.map((g, i) => ({
          prompt: g.index,
          candidate: 0,
          seed: 0,
          trace: packMeasurements(measured[i] ?? []),
          latent: latents[i] as Float32Array,
        })),
      );
      progress.report(images.length - missing.length + from + group.length);
    }
  } finally {
    lease.close();
  }
}

/** The folder's images with their scores, best first. */
export async function rankedRealImages(run: RealImagesRun): Promise<readonly RankedImage[]> {
  const folder = run.spec.realImages?.folder;
  if (folder === undefined) return [];
  const images = await listImages(folder);
  const { lease, plan } = await openRealLog(run);
  const { log } = lease;
  try {
    const ranked = log.entries().map(({ prompt }): RankedImage => {
      const terms = log.trace({ prompt, candidate: 0 });
      const scored = scoreOfMeasurements(
        run.session.schedule,
        unpackMeasurements(terms, plan),
        run.spec.score,
      );
      const latent = log.latents([{ prompt, candidate: 0 }]);
      return {
        fileName: images[prompt]?.fileName ?? '',
        text: images[prompt]?.text ?? '',
        latent,
        ...scored,
      };
    });
    return ranked.sort((a, b) => b.score - a.score);
  } finally {
    lease.close();
  }
}

async function openRealLog(
  run: RealImagesRun,
): Promise<{ lease: PoolLease; grid: readonly number[]; plan: ReturnType<typeof renoisePlan> }> {
  const [h, w, c] = run.session.latentShape;
  const grid = sessionScheduler(run.session, 'ddpm', GRID_STEPS).timesteps;
  const plan = renoisePlan(grid, { draws: run.spec.score.noiseDraws });
  const lease = await run.store.pools.leaseReal({
    latentSize: h * w * c,
    // Three numbers per evaluation pair instead of one per step.
    timesteps: plan.flatMap(({ t }) => [t, t, t]),
    source: JSON.stringify({ model: run.spec.model, images: run.spec.realImages?.folder }),
  });
  return { lease, grid, plan };
}

/** Cut to the center square, resized to the model's resolution, encoded to the mean latent in scaled space. */
async function encodeImages(run: RunContext, files: readonly NamedImage[]): Promise<Float32Array[]> {
  const { factor } = run.session.model.vae.config;
  const [h, w] = run.session.latentShape;
  const pixels: Uint8ClampedArray[] = [];
  for (const file of files) pixels.push(await centerSquare(file, { height: h * factor, width: w * factor }));
  return encodePixels(run.session, pixels);
}

async function centerSquare(
  { name, blob }: NamedImage,
  { width, height }: { width: number; height: number },
): Promise<Uint8ClampedArray> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(blob);
  } catch (cause) {
    throw new StudioError('image-unreadable', `The image ${name} cannot be read.`, {
      remedy: 'Remove it from the folder and start a new run with the folder; PNG, JPEG and WebP work.',
      where: name,
      cause,
    });
  }
  const scale = Math.max(width / bitmap.width, height / bitmap.height);
  const [cutWidth, cutHeight] = [width / scale, height / scale];
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { willReadFrequently: true }) as OffscreenCanvasRenderingContext2D;
  context.imageSmoothingQuality = 'high';
  context.drawImage(
    bitmap,
    (bitmap.width - cutWidth) / 2,
    (bitmap.height - cutHeight) / 2,
    cutWidth,
    cutHeight,
    0,
    0,
    width,
    height,
  );
  bitmap.close();
  return context.getImageData(0, 0, width, height).data;
}
