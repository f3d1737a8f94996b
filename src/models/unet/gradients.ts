/**
 * Gradients of a loss of the UNet's output, and of attention maps on the way to it, with respect to adapter tensors, the
 * context or the latent, without ever asking for the gradient of a frozen weight. `whole` keeps one tape over the network
 * (fastest where memory is no concern); `byStage` keeps only the stages' inputs and recomputes one stage at a time on the
 * way back.
 */
import type { GradientMode } from '../../contract/loadPlan.ts';
import { gradients, gradientsIfAny } from '../../tensor/gradients.ts';
import { inOnePiece, type Pieces, paced, settle } from '../../tensor/pace.ts';
import { prepareKernels } from '../../tensor/repeated.ts';
import { type Scalar, type Tensor, type Tensor3D, type Tensor4D, tf } from '../../tensor/tf.ts';
import { inGradientForms } from '../../tensor/wasm/forms.ts';
import type { AttentionSite } from '../hooks.ts';
import type { BlockInput } from './blocks.ts';
import { runUnet, type Unet } from './run.ts';
import type { Stage } from './stages.ts';

/** Attention maps that a loss looks at: for each site that is wanted, what `reduce` makes of its probabilities. */
export type MapCapture = {
  wants(site: AttentionSite): boolean;
  /** @param probs [N, heads, Lq, Lk]; @returns a new tensor, differentiable, as small as the loss can do with */
  reduce(probs: Tensor4D): Tensor;
};

export type GradientRequest = {
  readonly unet: Unet;
  readonly zt: Tensor4D;
  /** With a projector that uses `parameters`. */
  readonly input: BlockInput;
  /** Trainable tensors by the UNet layer that uses them, for the sweep; their order is that of the result. */
  readonly parameters: readonly { readonly layer: string; readonly tensor: Tensor }[];
  /** Also differentiate with respect to the context (to train the text encoder). */
  readonly withContext: boolean;
  /** Also differentiate with respect to `zt` (to move the latent). */
  readonly withLatent?: boolean;
  readonly capture?: MapCapture | undefined;
  /** Name of the last stage to run; the loss is then given its hidden state. */
  readonly stopAfter?: string | undefined;
  /** Maps in the order of the forward pass. It may leave the output or the maps unused. */
  readonly loss: (output: Tensor4D, maps: readonly Tensor[]) => Scalar;
};

/** The caller disposes all of it. */
type Gradients = {
  readonly loss: Scalar;
  readonly parameters: readonly Tensor[];
  readonly context: Tensor3D | null;
  readonly latent: Tensor4D | null;
};

/** Gradients of one micro-batch, by one tape or stage by stage: the same numbers, at other costs of memory and time. */
export async function unetGradients(request: GradientRequest, mode: GradientMode): Promise<Gradients> {
  return mode === 'whole' ? wholeTape(request) : paced(sweep(request), settle);
}

/** Compiles the kernels that `unetGradients` of this request needs, all at once. */
export function prepareGradients(request: GradientRequest, mode: GradientMode): Promise<void> {
  return prepareKernels(() => {
    const found = mode === 'whole' ? wholeTape(request) : inOnePiece(sweep(request));
    for (const tensor of [found.loss, ...found.parameters, found.context, found.latent]) tensor?.dispose();
  });
}

/** The input with a hook that collects maps, which outlive the network's pass: free them with `dispose`. */
function capturing(input: BlockInput, capture: MapCapture | undefined) {
  const maps: Tensor[] = [];
  if (capture === undefined) return { input, maps, dispose: () => undefined };
  const attention: BlockInput['hooks']['attention'] = {
    wants: (site) => capture.wants(site),
    onAttention: (_, { probs }) => {
      maps.push(tf.keep(capture.reduce(probs)));
      return null;
    },
  };
  const dispose = (): void => tf.dispose(maps);
  return { input: { ...input, hooks: { ...input.hooks, attention } }, maps, dispose };
}

function wholeTape(request: GradientRequest): Gradients {
  const { unet, zt, parameters, withContext, withLatent = false, loss } = request;
  const { input, maps, dispose } = capturing(request.input, request.capture);
  const xs = [
    ...parameters.map((p) => p.tensor),
    ...(withContext ? [input.context] : []),
    ...(withLatent ? [zt] : []),
  ];
  const { value, grads } = gradients(() => loss(runUnet(unet, zt, input, request.stopAfter), maps), xs);
  dispose();
  return {
    loss: value as Scalar,
    parameters: grads.slice(0, parameters.length),
    context: withContext ? (grads[parameters.length] as Tensor3D) : null,
    latent: withLatent ? (grads.at(-1) as Tensor4D) : null,
  };
}

type Visit = {
  readonly stage: Stage;
  readonly h: Tensor4D;
  readonly skip: Tensor4D | null;
  readonly skipFrom: number;
  /** How many maps the stage gives. */
  readonly maps: number;
};

function* sweep(request: GradientRequest): Pieces<Gradients> {
  const { zt, input, parameters, withContext, withLatent = false, loss } = request;
  const { visits, output, maps } = inGradientForms(() => forward(request));
  const trainable = visits.map(({ stage }) => {
    const layers = new Set(stage.dense.map((layer) => layer.name));
    return parameters.filter((p) => layers.has(p.layer));
  });
  // Nothing in front of the first adapted stage has a gradient to carry.
  const first = withContext || withLatent ? 0 : trainable.findIndex((p) => p.length > 0);
  const byTensor = new Map<Tensor, Tensor>();
  const skipGradients = new Map<number, Tensor4D>();
  let context: Tensor3D | null = null;
  const { value, grads } = gradientsIfAny(() => loss(output, maps), [output, ...maps]);
  let dy = grads[0] as Tensor4D | undefined;
  const dMaps = grads.slice(1) as (Tensor | undefined)[];
  tf.dispose([output, ...maps]);
  for (let i = visits.length - 1; i >= 0; i--) {
    const visit = visits[i] as Visit;
    const { stage, h, skip, skipFrom } = visit;
    const ownMaps = dMaps.splice(dMaps.length - visit.maps);
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
      const found = stageGradients(request, visit, xs, { dy, dMaps: ownMaps });
      tf.dispose([dy, ownMaps].filter((x) => x !== undefined) as tf.TensorContainer);
      dy = found[0] as Tensor4D | undefined;
      let next = 1;
      if (passSkip && found[next] !== undefined) skipGradients.set(skipFrom, found[next] as Tensor4D);
      if (passSkip) next++;
      for (const p of own) byTensor.set(p.tensor, found[next++] as Tensor);
      // Undefined where the stage does not attend to the context.
      const dContext = withContext ? (found[next] as Tensor3D | undefined) : undefined;
      if (dContext !== undefined) context = addInto<Tensor3D>(context ?? undefined, dContext) ?? null;
      yield;
    } else tf.dispose(ownMaps.filter((x) => x !== undefined));
    if (h !== zt) h.dispose();
  }
  if (!withLatent) dy?.dispose();
  return {
    loss: value as Scalar,
    parameters: parameters.map((p) => byTensor.get(p.tensor) as Tensor),
    context,
    latent: withLatent ? (dy as Tensor4D) : null,
  };
}

/** Gradients through one stage, of its output and of the maps that it gives; undefined where nothing depends. */
function stageGradients(
  { input, capture }: GradientRequest,
  { stage, h, skip, maps: count }: Visit,
  xs: readonly Tensor[],
  { dy, dMaps }: { readonly dy: Tensor4D | undefined; readonly dMaps: readonly (Tensor | undefined)[] },
): readonly (Tensor | undefined)[] {
  const of = (f: () => Tensor, dOutput?: Tensor): readonly (Tensor | undefined)[] => {
    const { value, grads } = gradientsIfAny(f, xs, dOutput);
    value.dispose();
    return grads;
  };
  if (count === 0)
    return dy === undefined ? xs.map(() => undefined) : of(() => stage.run(h, skip, input), dy);
  const seen = capturing(input, capture);
  const found = of(() => {
    const output = stage.run(h, skip, seen.input);
    const pairs: [Tensor, Tensor | undefined][] = [
      [output, dy],
      ...seen.maps.map((map, j): [Tensor, Tensor | undefined] => [map, dMaps[j]]),
    ];
    const terms = pairs.flatMap(([x, dx]) => (dx === undefined ? [] : [tf.sum(tf.mul(x, dx))]));
    return terms.length === 0 ? tf.scalar(0) : tf.addN(terms);
  });
  seen.dispose();
  return found;
}

/** Runs the network keeping every stage's input. Skips are inputs of a later stage and freed as such. */
function forward({ unet, zt, input, capture, stopAfter }: GradientRequest): {
  visits: Visit[];
  output: Tensor4D;
  maps: readonly Tensor[];
} {
  const visits: Visit[] = [];
  const skips: { tensor: Tensor4D; from: number }[] = [];
  const seen = capturing(input, capture);
  let h = zt;
  for (const [index, stage] of unet.stages.entries()) {
    const used = stage.skip === 'pop' ? skips.pop() : stage.skip === 'peek' ? skips.at(-1) : undefined;
    const before = seen.maps.length;
    const next = stage.run(h, used?.tensor ?? null, seen.input);
    const maps = seen.maps.length - before;
    visits.push({ stage, h, skip: used?.tensor ?? null, skipFrom: used?.from ?? -1, maps });
    h = next;
    if (stage.skip === 'push') skips.push({ tensor: h, from: index });
    if (stage.name === stopAfter) break;
  }
  return { visits, output: h, maps: seen.maps };
}

/** a + b, both consumed; either alone where the other is absent. */
function addInto<T extends Tensor>(a: T | undefined, b: T | undefined): T | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const sum = tf.add(a, b) as T;
  a.dispose();
  b.dispose();
  return sum;
}
