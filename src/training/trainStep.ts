/** One optimizer step over its micro-batches, for any loss. */
import { type Adapter, adapterParameters, adaptsText, withParameters } from '../adapters/adapter.ts';
import { adapterProjector, adapterWeightNorms, disposeWeightNorms } from '../adapters/project.ts';
import type { GradientMode } from '../contract/loadPlan.ts';
import type { OptimizerOptions, Prediction } from '../contract/spec.ts';
import { noised } from '../diffusion/noising.ts';
import type { NoiseSchedule } from '../diffusion/schedule.ts';
import { StudioError } from '../lib/errors.ts';
import type { Projector } from '../models/hooks.ts';
import { encodeText } from '../models/text/run.ts';
import type { TextWeights } from '../models/text/weights.ts';
import type { BlockInput } from '../models/unet/blocks.ts';
import { type GradientRequest, prepareGradients, unetGradients } from '../models/unet/gradients.ts';
import { runUnet, type Unet, unetInput } from '../models/unet/run.ts';
import { gradients } from '../tensor/gradients.ts';
import {
  type Scalar,
  scope,
  type Tensor,
  type Tensor1D,
  type Tensor3D,
  type Tensor4D,
  tf,
} from '../tensor/tf.ts';
import { inGradientForms } from '../tensor/wasm/forms.ts';
import type { LossFunction, LossInput } from './objectives.ts';
import { disposeOptimizer, learningRateAt, type OptimizerState, updateStep } from './optimizer.ts';

/** Rows that go through the network together. The caller owns the tensors. */
export type MicroBatch = NoisedBatch | VisitedBatch;

/** Clean latents in scaled space [N, h, w, c] and the noise that is added to them. */
export type NoisedBatch = Rows & { readonly latents: Tensor4D; readonly noise: Tensor4D };

/** Latents as a sampler met them [N, h, w, c], and the loss of what the network says there. */
export type VisitedBatch = Rows & { readonly zt: Tensor4D; readonly loss: LossOfOutput };
type LossOfOutput = (output: Pick<LossInput, 'prediction' | 'reference'>) => Scalar;

type Rows = {
  readonly t: readonly number[];
  /** Token ids [N][L]: encoded anew where the text encoder is trained, else looked up in `contexts`. */
  readonly tokens: readonly (readonly number[])[];
  /** Frozen embeddings [N, L, D], or null to encode `tokens` with the text encoder and its adapter. */
  readonly context: Tensor3D | null;
  /** Weight of each sample, where the method gives weights. */
  readonly weights?: Tensor1D;
  /** Rows of a micro-batch may come in pieces: the part of it that this one is. Default 1, all of it. */
  readonly share?: number;
};

export type TrainContext = {
  readonly unet: Unet;
  readonly text: TextWeights;
  readonly schedule: NoiseSchedule;
  readonly prediction: Prediction;
  readonly loss: LossFunction;
  /** Evaluate the base model on the same inputs for the loss. */
  readonly withReference: boolean;
  readonly mode: GradientMode;
  /** Learning rate of the text encoder's part as a share of the rest's; 1 by default. */
  readonly textRate?: number | undefined;
};

export type TrainState = { readonly adapter: Adapter; readonly optimizer: OptimizerState };

export type StepResult = {
  readonly state: TrainState;
  /** Mean over the step's micro-batches. */
  readonly loss: number;
  /** Global norm of the mean gradient, before clipping. */
  readonly gradNorm: number;
  readonly learningRate: number;
};

/**
 * Gradients of every micro-batch, summed, then one update. `before` is consumed when the step succeeds.
 * @throws StudioError `loss-not-finite`; `before` is then untouched and still usable
 */
export async function trainStep(
  context: TrainContext,
  before: TrainState,
  batches: AsyncIterable<MicroBatch> | Iterable<MicroBatch>,
  options: OptimizerOptions,
): Promise<StepResult> {
  const norms = adapterWeightNorms(before.adapter);
  const projector = adapterProjector(before.adapter, norms);
  const losses: Scalar[] = [];
  let microBatches = 0;
  let sums: readonly Tensor[] | null = null;
  try {
    for await (const batch of batches) {
      const { loss, gradients } = await microBatchGradients(context, before.adapter, projector, batch);
      losses.push(loss);
      microBatches += batch.share ?? 1;
      sums = addGradients(sums, gradients);
    }
    if (sums === null) throw new RangeError('a step needs at least one micro-batch');
    const rates = adapterParameters(before.adapter).map(({ name }) =>
      name.startsWith('text_encoder.') ? (context.textRate ?? 1) : 1,
    );
    const { next, gradNorm } = updateStep(before.optimizer, sums, options, rates);
    const numbers = scope(() => tf.stack([meanLoss(losses, Math.round(microBatches)), gradNorm]));
    const [loss, norm] = [...((await numbers.data()) as Float32Array)] as [number, number];
    for (const tensor of [numbers, gradNorm]) tensor.dispose();
    if (!Number.isFinite(loss) || !Number.isFinite(norm)) {
      disposeOptimizer(next);
      throw notFinite(before.optimizer.step, loss, norm);
    }
    disposeOptimizer(before.optimizer);
    return {
      state: { adapter: withParameters(before.adapter, next.params), optimizer: next },
      loss,
      gradNorm: norm,
      learningRate: learningRateAt(before.optimizer.step, options),
    };
  } finally {
    disposeWeightNorms(norms);
    for (const tensor of [...losses, ...(sums ?? [])]) tensor.dispose();
  }
}

/** Mean over micro-batches, some of which may have come in pieces that add up. */
function meanLoss(losses: readonly Scalar[], microBatches: number): Scalar {
  const stacked = tf.stack([...losses]);
  return losses.length === microBatches
    ? (tf.mean(stacked) as Scalar)
    : (tf.div(tf.sum(stacked), microBatches) as Scalar);
}

/**
 * Loss of one micro-batch, or of its share, and the gradients of all adapter tensors, in the order of
 * `adapterParameters`.
 */
export async function microBatchGradients(
  context: TrainContext,
  adapter: Adapter,
  projector: Projector,
  batch: MicroBatch,
): Promise<{ loss: Scalar; gradients: readonly Tensor[] }> {
  const trainsText = adaptsText(adapter);
  // In the forms of the gradients that will be taken of it, and the reference in those of what it is compared with.
  const embedding =
    batch.context ??
    inGradientForms(() => encodeText(context.text, batch.tokens, { output: 'last', project: projector }));
  const { zt, lossOf, dispose } = lossOn(context, batch);
  const input = unetInput(context.unet, batch.t, embedding, { project: projector });
  const reference = context.withReference
    ? inGradientForms(() => basePrediction(context, zt, input, batch))
    : null;
  const parameters = adapter.layers.flatMap((l) =>
    [l.loraA, l.loraB, ...(l.magnitude === null ? [] : [l.magnitude])].map((tensor) => ({
      layer: l.layer.name,
      tensor,
      text: l.module.startsWith('text_encoder.'),
    })),
  );
  const ofUnet = parameters.filter((p) => !p.text);
  const ofText = parameters.filter((p) => p.text);
  const { share = 1 } = batch;
  const loss = (prediction: Tensor4D): Scalar => {
    const value = lossOf({ prediction, reference });
    return share === 1 ? value : (tf.mul(value, share) as Scalar);
  };
  const request: GradientRequest = {
    unet: context.unet,
    zt,
    input,
    parameters: ofUnet,
    withContext: trainsText,
    loss,
  };
  await prepareOnce(context, request);
  const found = await unetGradients(request, context.mode);
  const textGradients =
    found.context === null
      ? []
      : textEncoderGradients(
          context,
          projector,
          batch,
          ofText.map((p) => p.tensor),
          found.context,
        );
  dispose();
  for (const tensor of [input.temb, reference, found.context]) tensor?.dispose();
  if (batch.context === null) embedding.dispose();
  const byTensor = new Map<Tensor, Tensor>([
    ...ofUnet.map((p, i) => [p.tensor, found.parameters[i] as Tensor] as const),
    ...ofText.map((p, i) => [p.tensor, textGradients[i] as Tensor] as const),
  ]);
  return {
    loss: found.loss,
    gradients: adapterParameters(adapter).map((p) => byTensor.get(p.tensor) as Tensor),
  };
}

/** Sizes of inputs whose gradients have been compiled, by what they are computed in. */
const prepared = new WeakMap<TrainContext, Set<string>>();

async function prepareOnce(context: TrainContext, request: GradientRequest): Promise<void> {
  const sizes = prepared.get(context) ?? new Set();
  prepared.set(context, sizes);
  const size = request.zt.shape.join();
  if (sizes.has(size)) return;
  sizes.add(size);
  await prepareGradients(request, context.mode);
}

/** What the network is given, and the loss of its output there; `dispose` frees what was made for it. */
function lossOn(context: TrainContext, batch: MicroBatch) {
  if ('zt' in batch) return { zt: batch.zt, lossOf: batch.loss, dispose: () => undefined };
  const { zt, target } = noised(context, batch.t, batch.latents, batch.noise);
  const { t, weights = null } = batch;
  const lossOf: LossOfOutput = (output) => context.loss({ ...output, target, t, weights });
  return { zt, lossOf, dispose: () => tf.dispose([zt, target]) };
}

/** The output without adapters in either network. */
function basePrediction(context: TrainContext, zt: Tensor4D, input: BlockInput, batch: MicroBatch): Tensor4D {
  // An embedding that was made under the adapter is not the base model's.
  const own = batch.context === null ? encodeText(context.text, batch.tokens) : null;
  const output = runUnet(context.unet, zt, { ...input, context: own ?? input.context, hooks: {} });
  own?.dispose();
  return output;
}

function textEncoderGradients(
  context: TrainContext,
  project: Projector,
  batch: MicroBatch,
  parameters: readonly Tensor[],
  dContext: Tensor3D,
): readonly Tensor[] {
  const encode = (): Tensor3D => encodeText(context.text, batch.tokens, { output: 'last', project });
  const { value, grads } = gradients(encode, parameters, dContext);
  value.dispose();
  return grads;
}

/** Adds gradient lists; consumes both. */
export function addGradients(sums: readonly Tensor[] | null, more: readonly Tensor[]): readonly Tensor[] {
  if (sums === null) return more;
  return sums.map((sum, i) => {
    const added = tf.add(sum, more[i] as Tensor);
    sum.dispose();
    (more[i] as Tensor).dispose();
    return added;
  });
}

function notFinite(step: number, loss: number, norm: number): StudioError {
  return new StudioError(
    'loss-not-finite',
    `Training broke down at step ${step + 1}: the loss is ${loss}, the gradient norm ${norm}.`,
    {
      where: `step ${step + 1}`,
      remedy:
        'The last good checkpoint is kept. Lower the learning rate or clip the gradient, then start from it.',
    },
  );
}
