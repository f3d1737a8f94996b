// What training tests share: the tiny model, an adapter that is not at its start, and batches of random latents.

import {
  type Adapter,
  adapterParameters,
  initAdapter,
  withParameters,
} from '../../../src/adapters/adapter.ts';
import { adapterProjector, adapterWeightNorms, disposeWeightNorms } from '../../../src/adapters/project.ts';
import { textAdapterTargets, unetAdapterTargets } from '../../../src/adapters/targets.ts';
import type { AdapterKind, OptimizerOptions } from '../../../src/contract/spec.ts';
import { denoise } from '../../../src/diffusion/denoise.ts';
import type { Projector } from '../../../src/models/hooks.ts';
import type { DiffusionModel } from '../../../src/models/load.ts';
import { encodeText } from '../../../src/models/text/run.ts';
import { openSession, type Session } from '../../../src/procedures/session.ts';
import { type Tensor3D, tf } from '../../../src/tensor/tf.ts';
import { predictionLoss } from '../../../src/training/objectives.ts';
import { startOptimizer } from '../../../src/training/optimizer.ts';
import type { NoisedBatch, TrainContext, TrainState } from '../../../src/training/trainStep.ts';
import { randoms, take } from '../kernels/harness.ts';
import { loadTiny, type TinyOptions } from '../networks/tinyModel.ts';

export const RANK = 4;

export const OPTIONS: OptimizerOptions = {
  batch: 2,
  accumulation: 1,
  learningRate: 1e-3,
  warmup: 0,
  clip: null,
  weightDecay: 1e-2,
  flushAtEpochEnd: false,
};

export const PROMPTS = ['a cat', 'the dog', 'one bird', 'no fish'] as const;

export type Bench = { readonly model: DiffusionModel; readonly session: Session; dispose(): void };

export async function openBench(options: TinyOptions = {}): Promise<Bench> {
  const model = await loadTiny(options);
  return { model, session: openSession(model), dispose: () => model.dispose() };
}

/** B and the magnitudes moved from where they start, so that nothing is zero or one by chance. */
export function someAdapter(bench: Bench, kind: AdapterKind, options: { text?: boolean } = {}): Adapter {
  const unet = unetAdapterTargets(bench.model.unet);
  const targets = options.text ? [...unet, ...textAdapterTargets(bench.model.text)] : unet;
  const start = initAdapter(kind, RANK, targets, 5);
  const moved = adapterParameters(start).map(({ name, tensor }, i) => {
    const scale = name.endsWith('.up') ? 0.3 : name.endsWith('.magnitude') ? 0.1 : 0;
    const noise = tf.tensor(randoms(100 + i, tensor.size, scale), tensor.shape);
    const sum = tf.keep(tf.add(tensor, noise));
    tf.dispose([tensor, noise]);
    return sum;
  });
  return withParameters(start, moved);
}

/** Takes the adapter over. */
export function trainState(adapter: Adapter): TrainState {
  return { adapter, optimizer: startOptimizer(adapterParameters(adapter).map((p) => p.tensor)) };
}

/** Rows `from` to `to` of an endless random set; `text` leaves the embeddings to the trained text encoder. */
export function batchOf(
  bench: Bench,
  from: number,
  to: number,
  options: { text?: boolean } = {},
): NoisedBatch {
  const rows = Array.from({ length: to - from }, (_, i) => from + i);
  const stack = (seed: number): Float32Array =>
    Float32Array.from(rows.flatMap((row) => [...randoms(seed + row, 256)]));
  const shape = [rows.length, 8, 8, 4] as [number, number, number, number];
  const tokens = rows.map((row) => bench.model.tokenizer.encode(PROMPTS[row % PROMPTS.length] as string).ids);
  return {
    latents: tf.tensor4d(stack(1000), shape),
    noise: tf.tensor4d(stack(2000), shape),
    t: rows.map((row) => 200 + 150 * (row % 5)),
    tokens,
    context: options.text ? null : encodeText(bench.model.text, tokens),
  };
}

export function disposeBatch({ latents, noise, context }: NoisedBatch): void {
  for (const tensor of [latents, noise, context]) tensor?.dispose();
}

export function trainContext(bench: Bench, over: Partial<TrainContext> = {}): TrainContext {
  return {
    unet: bench.model.unet,
    text: bench.model.text,
    schedule: bench.session.schedule,
    prediction: bench.session.prediction,
    loss: predictionLoss,
    withReference: false,
    mode: 'whole',
    ...over,
  };
}

/** The network's output on fixed inputs, with the prompt encoded under the adapter. */
export async function predict(bench: Bench, adapter: Adapter | null): Promise<Float32Array> {
  if (adapter === null) return predictWith(bench, null);
  const norms = adapterWeightNorms(adapter);
  const output = await predictWith(bench, adapterProjector(adapter, norms));
  disposeWeightNorms(norms);
  return output;
}

export async function predictWith(bench: Bench, project: Projector | null): Promise<Float32Array> {
  const zt = tf.tensor4d(randoms(7, 512), [2, 8, 8, 4]);
  const tokens = [0, 1].map((row) => bench.model.tokenizer.encode(PROMPTS[row] as string).ids);
  const context: Tensor3D = encodeText(bench.model.text, tokens, {
    output: 'last',
    project: project ?? undefined,
  });
  const output = denoise({ unet: bench.model.unet, adapter: project }, zt, 500, [context]);
  tf.dispose([zt, context]);
  return take(output);
}

/** Every parameter's values, by name. */
export async function valuesOf(adapter: Adapter): Promise<Record<string, Float32Array>> {
  const pairs = adapterParameters(adapter).map(
    async ({ name, tensor }) => [name, Float32Array.from(await tensor.data())] as const,
  );
  return Object.fromEntries(await Promise.all(pairs));
}
