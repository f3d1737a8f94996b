/** Trains adapters in the page, and encodes rendered scenes as the study's real images. */
import { type Adapter, disposeAdapter } from '../../src/adapters/adapter.ts';
import { restoreAdapter } from '../../src/adapters/state.ts';
import { fromRgba } from '../../src/models/vae/pixels.ts';
import { encode } from '../../src/models/vae/run.ts';
import type { Session } from '../../src/procedures/session.ts';
import { trainedTargets, trainRound } from '../../src/procedures/trainRound.ts';
import { captionScene } from '../../src/shapes/captions.ts';
import { promptText } from '../../src/shapes/parse.ts';
import { makeDraws, STREAMS } from '../../src/shapes/random.ts';
import { renderScene } from '../../src/shapes/render.ts';
import { IMAGE_SIZE } from '../../src/shapes/world.ts';
import { type Tensor4D, tf } from '../../src/tensor/tf.ts';
import { drawTrainingScene } from '../shapes-model/mixture.ts';
import { floatsFromBase64, floatsToBase64, toBase64 } from './base64.ts';
import { TRAINING } from './design.ts';
import type { CaptionedImage, RealRequest, RealResult, TrainRequest, TrainResult } from './protocol.ts';

/** Scenes of real images: far from the seeds that the model was trained on. */
const REAL_SEED = 3_000_000_000;

export type AdapterFiles = {
  readonly open: (name: string) => Promise<Adapter>;
  readonly write: (adapter: Adapter) => Promise<Uint8Array>;
};

/** Results hold the adapter files themselves, as base64. */
export async function train(
  session: Session,
  request: TrainRequest,
  files: AdapterFiles,
): Promise<TrainResult> {
  const { keepAt, learningRate, batch, rank, textEncoder, seed } = request;
  const set = request.images.map(({ text, latent }) => ({ text, latent: floatsFromBase64(latent) }));
  const start = request.start === null ? null : { adapter: await files.open(request.start) };
  const losses: number[] = [];
  const adapters: { step: number; file: string }[] = [];
  const events = trainRound(session, set, [], start, {
    ...TRAINING,
    kind: request.adapter,
    rank,
    textEncoder,
    learningRate,
    batch,
    seed,
    iterations: keepAt.at(-1) ?? 0,
    checkpointEvery: keepAt.reduce(greatestCommonDivisor),
    previewEvery: 0,
    origin: { round: 0, set: 'study', backend: 'wasm', kernels: {} },
  });
  for await (const event of events) {
    if (event.type === 'step') losses.push(Number(event.result.loss.toPrecision(5)));
    if (event.type !== 'checkpoint' || !keepAt.includes(event.checkpoint.step)) continue;
    const adapter = restoreAdapter(event.checkpoint.adapter, trainedTargets(session, textEncoder));
    adapters.push({ step: event.checkpoint.step, file: toBase64(await files.write(adapter)) });
    disposeAdapter(adapter);
  }
  return { losses, adapters };
}

/** Scenes as the training data has them, captions included, a share of which is wrong: what the web offers. */
export async function encodeRendered(session: Session, { first, count }: RealRequest): Promise<RealResult> {
  const images: CaptionedImage[] = [];
  for (let i = first; images.length < count; i++) {
    const scene = drawTrainingScene(makeDraws(REAL_SEED + i, STREAMS.scenes), undefined);
    const { prompt } = captionScene(scene, makeDraws(REAL_SEED + i, STREAMS.captions));
    if (prompt.objects.length < 2) continue;
    images.push({ text: promptText(prompt), latent: await encodeRgb(session, renderScene(scene)) });
  }
  return { images };
}

async function encodeRgb(session: Session, rgb: Uint8Array): Promise<string> {
  const { vae } = session.model;
  const rgba = new Uint8Array((rgb.length / 3) * 4);
  for (let p = 0; p < rgb.length / 3; p++) rgba.set([...rgb.subarray(3 * p, 3 * p + 3), 255], 4 * p);
  const image = tf.tensor4d(fromRgba(rgba), [1, IMAGE_SIZE, IMAGE_SIZE, 3]);
  const { mean, logvar } = encode(vae, image);
  const scaled = tf.mul(mean, vae.config.scalingFactor) as Tensor4D;
  const latent = floatsToBase64(Float32Array.from((await scaled.data()) as Float32Array));
  for (const tensor of [image, mean, logvar, scaled]) tensor.dispose();
  return latent;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
