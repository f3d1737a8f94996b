import { uniformInt } from '../lib/philox.ts';
import { type Tensor4D, tf } from '../tensor/tf.ts';
import { type Sample, sampleNoise } from '../training/batches.ts';
import type { NoisedBatch } from '../training/trainStep.ts';
import { type CaptionedLatent, stackLatents } from './measureSet.ts';
import type { PromptContexts } from './promptContexts.ts';
import type { Session } from './session.ts';
import { plainTuning, type TrainItem, type Tuning } from './trainItems.ts';

/** Philox stream of the draw that decides which rows a micro-batch has beside its images. */
const PICK_STREAM = 0x70000000;

/**
 * The tensors of each micro-batch of a step, made when asked for and freed when the next is. Micro-batches of more rows
 * than fit into memory come in pieces. Rows: all images, then what the first of their `beside` rows are, and so on, each
 * with its image's noise and timestep.
 * @throws DOMException AbortError when `signal` fires: a step of many micro-batches is not waited for
 */
export async function* microBatches(
  session: Session,
  set: readonly TrainItem[],
  contexts: PromptContexts | null,
  plan: readonly (readonly Sample[])[],
  options: {
    readonly seed: number;
    readonly tuning?: Tuning | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): AsyncGenerator<NoisedBatch> {
  const { seed, signal, tuning = plainTuning } = options;
  const fitting = Math.max(1, Math.floor(session.policy.trainRows / tuning.objective.rows));
  for (const batch of plan) {
    const draw = uniformInt(seed, PICK_STREAM, batch[0]?.serial ?? 0, 2 ** 20) / 2 ** 20;
    const picked = tuning.pick?.(draw);
    for (const { samples, share } of pieces(batch, fitting)) {
      signal?.throwIfAborted();
      const items = samples.map((s) => set[s.item] as TrainItem);
      const rows = rowsOf(items, picked);
      const texts = rows.map((row) => row.text);
      const latents = stackLatents(session, rows);
      const repeated = rows.map((_, i) => samples[i % samples.length] as Sample);
      const noise = stackNoise(latents.shape, repeated, seed);
      const context = (await contexts?.rows(texts)) ?? null;
      const weighted = items.some((item) => item.weight !== undefined);
      const weights = weighted ? tf.tensor1d(items.map((item) => item.weight ?? 1)) : null;
      try {
        yield {
          latents,
          noise,
          t: repeated.map((s) => s.t),
          tokens: texts.map((text) => session.model.tokenizer.encode(text).ids),
          context,
          ...(weights === null ? {} : { weights }),
          share,
        };
      } finally {
        for (const tensor of [latents, noise, context, weights]) tensor?.dispose();
      }
    }
  }
}

/** First the images, then the first row beside each, then the second, ... */
function rowsOf(
  items: readonly TrainItem[],
  picked: readonly number[] | undefined,
): readonly CaptionedLatent[] {
  const beside = items.map(({ beside: all = [] }) =>
    picked === undefined ? all : picked.map((k) => all[k] as CaptionedLatent),
  );
  const count = beside[0]?.length ?? 0;
  return [
    ...items,
    ...Array.from({ length: count }, (_, k) => beside.map((own) => own[k] as CaptionedLatent)).flat(),
  ];
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
