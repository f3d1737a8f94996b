// The fixed batch of an adapter case, and what is computed on it.

import { type AdaptedLayer, type Adapter, adapterParameters } from '../../src/adapters/adapter.ts';
import { adapterProjector, adapterWeightNorms, disposeWeightNorms } from '../../src/adapters/project.ts';
import type { GradientMode } from '../../src/contract/loadPlan.ts';
import type { Prediction } from '../../src/contract/spec.ts';
import { denoise } from '../../src/diffusion/denoise.ts';
import { noisingCoefficients } from '../../src/diffusion/parametrization.ts';
import { createSchedule } from '../../src/diffusion/schedule.ts';
import { parseSchedulerFile, resolveScheduler } from '../../src/diffusion/schedulerConfig.ts';
import { toPeftKey } from '../../src/formats/adapterKeys.ts';
import type { SafetensorsFile } from '../../src/formats/safetensors.ts';
import type { Unet } from '../../src/models/unet/run.ts';
import { doraWeightNorm } from '../../src/tensor/ops/dora.ts';
import { linear } from '../../src/tensor/ops/linear.ts';
import {
  scope,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tf,
} from '../../src/tensor/tf.ts';
import { predictionLoss } from '../../src/training/objectives.ts';
import { microBatchGradients, type NoisedBatch, type TrainContext } from '../../src/training/trainStep.ts';
import { readImage, readTokens, take } from './tensors.ts';

export type Bench = {
  readonly unet: Unet;
  readonly noisy: Tensor4D;
  readonly batch: NoisedBatch & { readonly context: Tensor3D };
  context(options: { mode: GradientMode; prediction?: Prediction }): TrainContext;
  /** Row weights min(SNR, gamma) / SNR. */
  minSnrWeights(gamma: number): Tensor1D;
  /** Name in peft's file for one of `adapterParameters`. */
  peftKey(parameter: string): string;
  /** Values in the file's layout: matrices transposed. */
  inFileLayout(parameter: string, tensor: Tensor): Promise<Float32Array>;
  dispose(): void;
};

export async function loraBench(unet: Unet, file: SafetensorsFile, scheduler: unknown): Promise<Bench> {
  const settings = resolveScheduler(parseSchedulerFile(scheduler), 'ddpm');
  const schedule = createSchedule(settings);
  const latents = await readImage(file, 'latents');
  const noise = await readImage(file, 'noise');
  const noisy = await readImage(file, 'noisy_latents');
  const context = await readTokens(file, 'encoder_hidden_states');
  const t = [...(await file.readF32('timesteps'))];
  return {
    unet,
    noisy,
    batch: { latents, noise, t, tokens: [], context },
    context: ({ mode, prediction = 'epsilon' }) => ({
      unet,
      // The case trains no text encoder.
      text: undefined as never,
      schedule,
      prediction,
      loss: predictionLoss,
      withReference: false,
      mode,
    }),
    minSnrWeights: (gamma) =>
      tf.tensor1d(
        t.map((value) => {
          const { signal, noise: sigma } = noisingCoefficients(schedule, value);
          const snr = (signal / sigma) ** 2;
          return Math.min(snr, gamma) / snr;
        }),
      ),
    peftKey: (parameter) => {
      const [, module, part] = /^(.*)\.(down|up|magnitude)$/.exec(parameter) as unknown as [
        string,
        string,
        'down' | 'up' | 'magnitude',
      ];
      return toPeftKey(module, part);
    },
    inFileLayout: (parameter, tensor) =>
      take(parameter.endsWith('.magnitude') ? tensor.clone() : tf.transpose(tensor as Tensor2D)),
    dispose: () => {
      for (const tensor of [latents, noise, noisy, context]) tensor.dispose();
    },
  };
}

/** The network's output on the case's noisy latents, with or without the adapter. */
export function predict(bench: Bench, adapter: Adapter | null): Tensor4D {
  const norms = adapter === null ? null : adapterWeightNorms(adapter);
  const projector = adapter === null || norms === null ? null : adapterProjector(adapter, norms);
  const out = denoise({ unet: bench.unet, adapter: projector }, bench.noisy, bench.batch.t, [
    bench.batch.context,
  ]);
  if (norms !== null) disposeWeightNorms(norms);
  return out;
}

export async function gradientsOf(
  bench: Bench,
  adapter: Adapter,
  options: { mode: GradientMode; prediction?: Prediction; minSnrGamma?: number | null },
): Promise<{ loss: number; gradNorm: number; gradients: ReadonlyMap<string, Float32Array> }> {
  const norms = adapterWeightNorms(adapter);
  const gamma = options.minSnrGamma ?? null;
  const weights = gamma === null ? undefined : bench.minSnrWeights(gamma);
  const batch = weights === undefined ? bench.batch : { ...bench.batch, weights };
  const found = await microBatchGradients(
    bench.context(options),
    adapter,
    adapterProjector(adapter, norms),
    batch,
  );
  const loss = (await take(found.loss))[0] as number;
  const gradients = new Map<string, Float32Array>();
  let squares = 0;
  for (const [i, { name }] of adapterParameters(adapter).entries()) {
    const gradient = found.gradients[i] as Tensor;
    const values = await bench.inFileLayout(name, gradient);
    gradient.dispose();
    gradients.set(bench.peftKey(name), values);
    squares += values.reduce((sum, x) => sum + x * x, 0);
  }
  disposeWeightNorms(norms);
  weights?.dispose();
  return { loss, gradNorm: Math.sqrt(squares), gradients };
}

/** W' [out, in] with the adapter merged in: W + s A B, for DoRA with every row at its magnitude. */
export function mergedWeight(layer: AdaptedLayer): Tensor2D {
  return scope(() => {
    const product = tf.mul(tf.matMul(layer.loraA, layer.loraB), layer.scaling);
    const identity: Tensor2D = tf.eye(layer.loraA.shape[0]);
    const sum = linear(identity, layer.layer.w, null, product); // W + s A B [in, out], however W is stored
    const norm = doraWeightNorm(layer.layer.w, layer.loraA, layer.loraB, layer.scaling);
    const merged = layer.magnitude === null ? sum : tf.mul(sum, tf.div(layer.magnitude, norm));
    return tf.transpose(merged) as Tensor2D;
  });
}
