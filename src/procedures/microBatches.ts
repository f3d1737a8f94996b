import { type Tensor4D, tf } from '../tensor/tf.ts';
import { type Sample, sampleNoise } from '../training/batches.ts';
import type { MicroBatch } from '../training/trainStep.ts';
import { type CaptionedLatent, stackLatents } from './measureSet.ts';
import type { PromptContexts } from './promptContexts.ts';
import type { Session } from './session.ts';

/**
 * The tensors of each micro-batch of a step, made when asked for and freed when the next is. Micro-batches of more rows
 * than fit into memory come in pieces.
 * @throws DOMException AbortError when `signal` fires: a step of many micro-batches is not waited for
 */
export async function* microBatches(
  session: Session,
  set: readonly CaptionedLatent[],
  contexts: PromptContexts | null,
  plan: readonly (readonly Sample[])[],
  { seed, signal }: { readonly seed: number; readonly signal?: AbortSignal | undefined },
): AsyncGenerator<MicroBatch> {
  for (const { samples, share } of plan.flatMap((batch) => pieces(batch, session.policy.trainRows))) {
    signal?.throwIfAborted();
    const items = samples.map((s) => set[s.item] as CaptionedLatent);
    const texts = items.map((item) => item.text);
    const latents = stackLatents(session, items);
    const noise = stackNoise(latents.shape, samples, seed);
    const context = (await contexts?.rows(texts)) ?? null;
    try {
      yield {
        latents,
        noise,
        t: samples.map((s) => s.t),
        tokens: texts.map((text) => session.model.tokenizer.encode(text).ids),
        context,
        share,
      };
    } finally {
      for (const tensor of [latents, noise, context]) tensor?.dispose();
    }
  }
}

/** Parts of at most `rows` samples, each with its share of the whole. */
function pieces(
  batch: readonly Sample[],
  rows: number,
): { readonly samples: readonly Sample[]; readonly share: number }[] {
  if (batch.length <= rows) return [{ samples: batch, share: 1 }];
  const parts: { samples: readonly Sample[]; share: number }[] = [];
  for (let from = 0; from < batch.length; from += rows) {
    const samples = batch.slice(from, from + rows);
    parts.push({ samples, share: samples.length / batch.length });
  }
  return parts;
}

function stackNoise(shape: Tensor4D['shape'], samples: readonly Sample[], seed: number): Tensor4D {
  const size = shape[1] * shape[2] * shape[3];
  const out = new Float32Array(samples.length * size);
  for (const [i, { serial }] of samples.entries()) out.set(sampleNoise(seed, serial, size), i * size);
  return tf.tensor4d(out, shape);
}
