/**
 * Gradients of a loss of the UNet's output with respect to adapter tensors, without ever asking for the gradient of a
 * frozen weight. `whole` keeps one tape over the network (fastest where memory is no concern); `byStage` keeps only
 * the stages' inputs and recomputes one stage at a time on the way back.
 */
import type { GradientMode } from '../contract/loadPlan.ts';
import type { BlockInput } from '../models/unet/blocks.ts';
import { runUnet, type Unet } from '../models/unet/run.ts';
import type { Stage } from '../models/unet/stages.ts';
import { settle } from '../tensor/pace.ts';
import { type Scalar, type Tensor, type Tensor3D, type Tensor4D, tf } from '../tensor/tf.ts';

export type GradientRequest = {
  readonly unet: Unet;
  readonly zt: Tensor4D;
  /** With a projector that uses `parameters`. */
  readonly input: BlockInput;
  /** Trainable tensors by the UNet layer that uses them, for the sweep; their order is that of the result. */
  readonly parameters: readonly { readonly layer: string; readonly tensor: Tensor }[];
  /** Also differentiate with respect to the context (to train the text encoder). */
  readonly withContext: boolean;
  readonly loss: (prediction: Tensor4D) => Scalar;
};

/** The caller disposes all of it. */
export type Gradients = {
  readonly loss: Scalar;
  readonly parameters: readonly Tensor[];
  readonly context: Tensor3D | null;
};

export async function unetGradients(request: GradientRequest, mode: GradientMode): Promise<Gradients> {
  return mode === 'whole' ? wholeTape(request) : sweep(request);
}

function wholeTape({ unet, zt, input, parameters, withContext, loss }: GradientRequest): Gradients {
  const xs = [...parameters.map((p) => p.tensor), ...(withContext ? [input.context] : [])];
  const { value, grads } = tf.engine().gradients(() => loss(runUnet(unet, zt, input)), xs);
  return {
    loss: value as Scalar,
    parameters: grads.slice(0, parameters.length),
    context: withContext ? (grads.at(-1) as Tensor3D) : null,
  };
}

type Visit = {
  readonly stage: Stage;
  readonly h: Tensor4D;
  readonly skip: Tensor4D | null;
  readonly skipFrom: number;
};

async function sweep(request: GradientRequest): Promise<Gradients> {
  const { unet, zt, input, parameters, withContext, loss } = request;
  const { visits, output } = forward(unet, zt, input);
  const trainable = visits.map(({ stage }) => {
    const layers = new Set(stage.dense.map((layer) => layer.name));
    return parameters.filter((p) => layers.has(p.layer));
  });
  // Nothing in front of the first adapted stage has a gradient to carry.
  const first = withContext ? 0 : trainable.findIndex((p) => p.length > 0);
  const byTensor = new Map<Tensor, Tensor>();
  const skipGradients = new Map<number, Tensor4D>();
  let context: Tensor3D | null = null;
  const { value, grads } = tf.engine().gradients(() => loss(output), [output]);
  let dy = grads[0] as Tensor4D;
  output.dispose();
  for (let i = visits.length - 1; i >= 0; i--) {
    const { stage, h, skip, skipFrom } = visits[i] as Visit;
    if (i >= first && first >= 0) {
      dy = addInto(dy, skipGradients.get(i));
      const own = trainable[i] ?? [];
      const passSkip = stage.skip === 'pop' && skipFrom >= first;
      const xs = [
        h,
        ...(passSkip ? [skip as Tensor4D] : []),
        ...own.map((p) => p.tensor),
        ...(withContext ? [input.context] : []),
      ];
      const { value: again, grads: found } = tf
        .engine()
        .gradients(() => stage.run(h, skip, input), xs, dy, true);
      again.dispose();
      dy.dispose();
      dy = found[0] as Tensor4D;
      let next = 1;
      if (passSkip) skipGradients.set(skipFrom, found[next++] as Tensor4D);
      for (const p of own) byTensor.set(p.tensor, found[next++] as Tensor);
      // Undefined where the stage does not attend to the context.
      const dContext = withContext ? (found[next] as Tensor3D | undefined) : undefined;
      if (dContext !== undefined) context = addInto<Tensor3D>(dContext, context ?? undefined);
      await settle();
    }
    if (h !== zt) h.dispose();
  }
  dy.dispose();
  return {
    loss: value as Scalar,
    parameters: parameters.map((p) => byTensor.get(p.tensor) as Tensor),
    context,
  };
}

/** Runs the network keeping every stage's input. Skips are inputs of a later stage and freed as such. */
function forward(unet: Unet, zt: Tensor4D, input: BlockInput): { visits: Visit[]; output: Tensor4D } {
  const visits: Visit[] = [];
  const skips: { tensor: Tensor4D; from: number }[] = [];
  let h = zt;
  for (const [index, stage] of unet.stages.entries()) {
    const used = stage.skip === 'pop' ? skips.pop() : stage.skip === 'peek' ? skips.at(-1) : undefined;
    visits.push({ stage, h, skip: used?.tensor ?? null, skipFrom: used?.from ?? -1 });
    h = stage.run(h, used?.tensor ?? null, input);
    if (stage.skip === 'push') skips.push({ tensor: h, from: index });
  }
  return { visits, output: h };
}

/** a + b, both consumed; `a` itself where there is no `b`. */
function addInto<T extends Tensor>(a: T, b: T | undefined): T {
  if (b === undefined) return a;
  const sum = tf.add(a, b) as T;
  a.dispose();
  b.dispose();
  return sum;
}
