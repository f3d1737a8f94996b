// What the cases of fine-tuning methods share: networks and adapters by name, gradients and optimizer steps by key.

import * as v from 'valibot';
import { type Adapter, adapterParameters, withParameters } from '../../src/adapters/adapter.ts';
import { loadAdapter } from '../../src/adapters/file.ts';
import { adapterProjector, adapterWeightNorms, disposeWeightNorms } from '../../src/adapters/project.ts';
import { textAdapterTargets, unetAdapterTargets } from '../../src/adapters/targets.ts';
import { noised } from '../../src/diffusion/noising.ts';
import { createSchedule } from '../../src/diffusion/schedule.ts';
import { parseSchedulerFile, resolveScheduler } from '../../src/diffusion/schedulerConfig.ts';
import { toPeftKey } from '../../src/formats/adapterKeys.ts';
import type { SafetensorsFile } from '../../src/formats/safetensors.ts';
import type { TextWeights } from '../../src/models/text/weights.ts';
import { type Tensor, type Tensor2D, type Tensor3D, type Tensor4D, tf } from '../../src/tensor/tf.ts';
import type { Objective } from '../../src/training/objectives.ts';
import { disposeOptimizer, startOptimizer } from '../../src/training/optimizer.ts';
import {
  type MicroBatch,
  microBatchGradients,
  type NoisedBatch,
  type TrainContext,
  trainStep,
} from '../../src/training/trainStep.ts';
import { loadText, loadUnet } from './models.ts';
import type { OracleFiles } from './oracle.ts';
import type { Report } from './report.ts';
import { readImage, readTokens, take, takeImage } from './tensors.ts';

const filesSchema = v.looseObject({ config: v.string(), weights: v.string() });
export const tuningSchema = v.looseObject({
  base_unet: v.string(),
  base_text: v.optional(v.string()),
  config: v.looseObject({ r: v.number(), lora_alpha: v.number(), use_dora: v.boolean() }),
  trainable_params: v.number(),
  files: v.record(v.string(), v.string()),
  scheduler: v.unknown(),
});
type TuningCase = v.InferOutput<typeof tuningSchema>;

export const adamSchema = v.looseObject({
  lr: v.number(),
  weight_decay: v.number(),
  max_grad_norm: v.number(),
});

/** Gradients of one adapter in the file's layout, by the file's keys. */
type KeyedGradients = {
  readonly loss: number;
  readonly norm: number;
  readonly byKey: ReadonlyMap<string, { readonly text: boolean; readonly values: Float32Array }>;
};
export type TuningBench = Awaited<ReturnType<typeof openTuning>>;

export async function openTuning(io: OracleFiles, asked: TuningCase) {
  const unet = await loadUnet(io, v.parse(filesSchema, io.caseNamed(asked.base_unet)));
  const text =
    asked.base_text === undefined
      ? null
      : await loadText(io, v.parse(filesSchema, io.caseNamed(asked.base_text)));
  const file = await io.safetensors(asked.files.io as string);
  const schedule = createSchedule(resolveScheduler(parseSchedulerFile(asked.scheduler), 'ddpm'));

  /** The adapter of a file, and the text encoder's where one is named. */
  const adapter = async (unetFile: string, textFile?: string): Promise<Adapter> => {
    const open = async (path: string): Promise<SafetensorsFile> => ({
      ...(await io.safetensors(path)),
      // peft keeps alpha in a file of its own.
      metadata: { lora_adapter_metadata: JSON.stringify(asked.config) },
    });
    const own = await loadAdapter(await open(unetFile), unetAdapterTargets(unet.model));
    if (textFile === undefined || text === null) return own;
    const ofText = await loadAdapter(await open(textFile), textAdapterTargets(text.model));
    return { ...own, layers: [...own.layers, ...ofText.layers] };
  };
  const context = (objective: Objective, over: Partial<TrainContext> = {}): TrainContext => ({
    unet: unet.model,
    text: (text?.model ?? undefined) as TextWeights,
    schedule,
    prediction: 'epsilon',
    loss: objective.loss,
    withReference: objective.reference,
    mode: 'whole',
    ...over,
  });
  const dispose = (): void => {
    unet.dispose();
    text?.dispose();
  };
  return { unet: unet.model, text: text?.model ?? null, file, schedule, adapter, context, dispose };
}

/** Tensors of a case's file that only say again what the index says, held against that. */
export async function checkRepeated(
  report: Report,
  file: SafetensorsFile,
  said: Readonly<Record<string, readonly number[] | readonly (readonly number[])[]>>,
  rtol = 1e-6,
): Promise<void> {
  for (const [name, values] of Object.entries(said)) {
    report.closeToOwn('file', name, await file.readF32(name), values.flat(), { rtol });
  }
}

/** The noised latents of a batch, whose rows the file keeps under these names, one after the other, each with its bound. */
export async function checkNoising(
  report: Report,
  { file, schedule }: Pick<TuningBench, 'file' | 'schedule'>,
  { latents, noise, t }: NoisedBatch,
  names: Readonly<Record<string, number>>,
): Promise<void> {
  const { zt, target } = noised({ schedule, prediction: 'epsilon' }, t, latents, noise);
  target.dispose();
  const found = await takeImage(zt);
  let start = 0;
  for (const [name, atol] of Object.entries(names)) {
    const expected = await file.readF32(name);
    const end = start + expected.length;
    report.close('file', name, found.slice(start, end), expected, { atol });
    start = end;
  }
}

/** No number of the case's files is left out: a runner that forgets one fails. */
export function checkAllRead(report: Report, io: OracleFiles, { files }: TuningCase): void {
  for (const path of Object.values(files).filter((name) => name.endsWith('.safetensors'))) {
    report.equal('file', `${path}, tensors that nothing was held against`, io.unread(path), []);
  }
}

/** The adapter of the case has as many numbers as its own code trains. */
export function checkSize(report: Report, adapter: Adapter, { trainable_params }: TuningCase): void {
  const numbers = adapterParameters(adapter).reduce((n, p) => n + p.tensor.size, 0);
  report.equal('adapter', 'parameters', numbers, trainable_params);
}

/** Loss and gradients of one batch. */
export async function gradientsOf(
  context: TrainContext,
  adapter: Adapter,
  batch: MicroBatch,
): Promise<KeyedGradients> {
  const norms = adapterWeightNorms(adapter);
  const found = await microBatchGradients(context, adapter, adapterProjector(adapter, norms), batch);
  disposeWeightNorms(norms);
  const loss = (await take(found.loss))[0] as number;
  const byKey = new Map<string, { text: boolean; values: Float32Array }>();
  for (const [i, { name }] of adapterParameters(adapter).entries()) {
    const gradient = found.gradients[i] as Tensor;
    byKey.set(keyOf(name), { text: name.startsWith('text_encoder.'), values: await inFileLayout(gradient) });
    gradient.dispose();
  }
  return { loss, norm: normOf([...byKey.values()].map(({ values }) => values)), byKey };
}

export function normOf(parts: readonly Float32Array[]): number {
  return Math.sqrt(parts.reduce((sum, values) => sum + values.reduce((own, x) => own + x * x, 0), 0));
}

/** Mean over micro-batches. */
export function meanGradients(parts: readonly KeyedGradients[]): KeyedGradients {
  const [first] = parts as [KeyedGradients];
  const byKey = new Map(
    [...first.byKey].map(([key, { text, values }]) => {
      const mean = values.map(
        (_, j) =>
          parts.reduce((sum, p) => sum + (p.byKey.get(key)?.values[j] ?? Number.NaN), 0) / parts.length,
      );
      return [key, { text, values: mean }] as const;
    }),
  );
  return { loss: first.loss, norm: normOf([...byKey.values()].map(({ values }) => values)), byKey };
}

/** Compares every gradient with the file's, under `prefix` and, for the text encoder, `textPrefix`. */
export async function compareGradients(
  report: Report,
  id: string,
  found: KeyedGradients,
  stored: { readonly file: SafetensorsFile; readonly prefix: string; readonly textPrefix?: string },
  tolerance: { readonly atol: number; readonly rtol: number },
): Promise<void> {
  for (const [key, { text, values }] of found.byKey) {
    const name = (text ? (stored.textPrefix ?? stored.prefix) : stored.prefix) + key;
    report.close(id, name, values, await stored.file.readF32(name), tolerance);
  }
}

/** A train state of its own, so that the adapter stays. */
function stateOf(adapter: Adapter) {
  const params = adapterParameters(adapter).map((p) => tf.keep(p.tensor.clone()));
  return { adapter: withParameters(adapter, params), optimizer: startOptimizer(params) };
}

/** What the index says of a step: its norm where it is known, and fields of its own. */
type StepLog = { readonly grad_norm_before_clip?: number | undefined };

type StepCheck<Log extends StepLog> = {
  readonly context: TrainContext;
  readonly adapter: Adapter;
  readonly batches: readonly MicroBatch[];
  readonly adamw: v.InferOutput<typeof adamSchema> & { readonly log: readonly Log[] };
  readonly file: SafetensorsFile;
  readonly report: Report;
  /** Where parameters after step k are kept, by network, and how closely they are met. */
  readonly stored: (step: number, text: boolean) => { prefix: string; maxAbs: number; meanAbs: number };
  /** The loss before the step is the case's to compare. */
  readonly checkLoss: (id: string, loss: number, line: Log, step: number) => void;
  readonly normRtol: number;
  /** The last step whose norm is compared: noise in the norm grows with steps where the loss cancels. */
  readonly lastNorm: number;
};

/** Where a case that trains the network alone keeps its parameters. */
export function storedSteps(
  tolerance: Readonly<Record<'params_after_step_max_abs' | 'params_after_step_mean_abs', number>>,
): StepCheck<StepLog>['stored'] {
  return (step) => ({
    prefix: `step${step}.`,
    maxAbs: tolerance.params_after_step_max_abs,
    meanAbs: tolerance.params_after_step_mean_abs,
  });
}

/** AdamW steps on the same batches, every parameter compared after each. */
export async function checkSteps<Log extends StepLog>(c: StepCheck<Log>): Promise<void> {
  let state = stateOf(c.adapter);
  const options = {
    batch: 1,
    accumulation: c.batches.length,
    learningRate: c.adamw.lr,
    warmup: 0,
    clip: c.adamw.max_grad_norm,
    weightDecay: c.adamw.weight_decay,
    flushAtEpochEnd: false,
  };
  for (const [k, line] of c.adamw.log.entries()) {
    const step = k + 1;
    const result = await trainStep(c.context, state, c.batches, options);
    state = result.state;
    c.checkLoss(`step ${step}`, result.loss, line, step);
    if (line.grad_norm_before_clip !== undefined && step <= c.lastNorm) {
      const rtol = c.normRtol;
      c.report.closeNumber(`step ${step}`, 'gradient norm', result.gradNorm, line.grad_norm_before_clip, {
        rtol,
      });
    }
    for (const { name, tensor } of adapterParameters(state.adapter)) {
      const { prefix, maxAbs, meanAbs } = c.stored(step, name.startsWith('text_encoder.'));
      const key = prefix + keyOf(name);
      if (!c.file.entries.has(key)) continue;
      const [values, expected] = [await inFileLayout(tensor), await c.file.readF32(key)];
      c.report.close(`step ${step}`, key, values, expected, { atol: maxAbs });
      c.report.closeInMean(`step ${step}`, `${key} (mean)`, values, expected, meanAbs);
    }
  }
  disposeOptimizer(state.optimizer);
}

/** Latents [N, h, w, c] of several names one after another. */
export async function readLatents(file: SafetensorsFile, names: readonly string[]): Promise<Tensor4D> {
  const parts = await Promise.all(names.map((name) => readImage(file, name)));
  return joined(parts) as Tensor4D;
}

/** Embeddings [N, L, D] of several names one after another. */
export async function readContexts(file: SafetensorsFile, names: readonly string[]): Promise<Tensor3D> {
  const parts = await Promise.all(names.map((name) => readTokens(file, name)));
  return joined(parts) as Tensor3D;
}

export function disposeBatch({ latents, noise, context, weights }: NoisedBatch): void {
  for (const tensor of [latents, noise, context, weights]) tensor?.dispose();
}

function joined(parts: readonly Tensor[]): Tensor {
  const all = tf.concat([...parts], 0);
  tf.dispose([...parts]);
  return all;
}

/** `unet.X.down` as peft's `X.lora_A.weight`. */
function keyOf(parameter: string): string {
  const dot = parameter.lastIndexOf('.');
  return toPeftKey(parameter.slice(0, dot), parameter.slice(dot + 1) as 'down' | 'up' | 'magnitude');
}

/** Values in the file's layout: matrices transposed. */
function inFileLayout(tensor: Tensor): Promise<Float32Array> {
  return take(tensor.rank === 2 ? tf.transpose(tensor as Tensor2D) : tensor.clone());
}
