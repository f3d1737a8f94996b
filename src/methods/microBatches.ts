import { type Tensor4D, tf } from '../tensor/tf.ts';
import { type Sample, sampleNoise } from '../training/batches.ts';
import type { MicroBatch } from '../training/trainStep.ts';
import type { Embeddings } from './embeddings.ts';
import { type CaptionedLatent, stackLatents } from './measureSet.ts';
import type { Session } from './session.ts';

/**
 * The tensors of each micro-batch of a step, made when asked for and freed when the next is.
 * @throws DOMException AbortError when `signal` fires: a step of many micro-batches is not waited for
 */
export function* microBatches(
  session: Session,
  set: readonly CaptionedLatent[],
  embeddings: Embeddings | null,
  plan: readonly (readonly Sample[])[],
  { seed, signal }: { readonly seed: number; readonly signal?: AbortSignal | undefined },
): Generator<MicroBatch> {
  for (const samples of plan) {
    signal?.throwIfAborted();
    const items = samples.map((s) => set[s.item] as CaptionedLatent);
    const texts = items.map((item) => item.text);
    const latents = stackLatents(session, items);
    const noise = stackNoise(latents.shape, samples, seed);
    const context = embeddings?.rows(texts) ?? null;
    try {
      yield {
        latents,
        noise,
        t: samples.map((s) => s.t),
        tokens: texts.map((text) => session.model.tokenizer.encode(text).ids),
        context,
      };
    } finally {
      for (const tensor of [latents, noise, context]) tensor?.dispose();
    }
  }
}

function stackNoise(shape: Tensor4D['shape'], samples: readonly Sample[], seed: number): Tensor4D {
  const size = shape[1] * shape[2] * shape[3];
  const out = new Float32Array(samples.length * size);
  for (const [i, { serial }] of samples.entries()) out.set(sampleNoise(seed, serial, size), i * size);
  return tf.tensor4d(out, shape);
}
