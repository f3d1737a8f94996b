import type { GradientMode } from '../contract/loadPlan.ts';
import type { NetworkHooks, Projector } from '../models/hooks.ts';
import type { BlockInput } from '../models/unet/blocks.ts';
import { type MapCapture, unetGradients } from '../models/unet/gradients.ts';
import { canPrepare, disposePrepared, prepareUnet } from '../models/unet/prepared.ts';
import { preparedInput, runUnet, type Unet, unetInput } from '../models/unet/run.ts';
import { repeated } from '../tensor/repeated.ts';
import {
  type Scalar,
  scope,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tf,
} from '../tensor/tf.ts';

/** A UNet with an adapter on it, or none. */
export type Denoiser = { readonly unet: Unet; readonly adapter: Projector | null };

export type DenoiseOptions = {
  /** `off` gives the base model's prediction (the reference of DPO-like losses). */
  readonly adapters?: 'on' | 'off';
  readonly hooks?: Omit<NetworkHooks, 'project'>;
  /** Name of the last stage to run; its hidden state is returned instead of a prediction. */
  readonly stopAfter?: string | undefined;
};

/** The evaluations of a path, whose steps differ only in the latents and the timestep. */
export type PreparedPath = {
  /** Compiles what the steps need, all at once. */
  compile(): Promise<void>;
  /** What `denoise` gives at the i-th timestep. */
  step(zt: Tensor4D, i: number): Tensor4D;
  dispose(): void;
};

type PathSizes = {
  readonly timesteps: readonly number[];
  /** Of the latents [N, h, w, c]. */
  readonly shape: readonly [number, number, number, number];
};

/**
 * Prepares the evaluations at all timesteps of a path, with these contexts and options: what the steps share is computed
 * once, and on webgpu a step's launches are recorded at the first and replayed at the others. Contexts must outlive it.
 *
 * @returns null where hooks of the caller have to be asked in every step
 */
export function preparePath(
  { unet, adapter }: Denoiser,
  { timesteps, shape }: PathSizes,
  contexts: readonly Tensor3D[],
  { adapters, hooks: given, stopAfter }: DenoiseOptions = {},
): PreparedPath | null {
  const hooks = hooksOf(adapter, adapters, given);
  if (!canPrepare(hooks)) return null;
  const context = tf.keep(joined(contexts));
  const prepared = prepareUnet(unet.weights, timesteps, context, hooks);
  const copies = contexts.length;
  const width = prepared.biases.shape[1];
  const [samples, ...image] = shape;
  const evaluate = ([stacked, biases]: readonly Tensor[]): Tensor4D =>
    tf.tidy(() => {
      const step = { ...prepared, biases: biases as Tensor2D };
      return runUnet(unet, stacked as Tensor4D, preparedInput(unet, step, context, hooks), stopAfter);
    });
  const shapes = [
    [copies * samples, ...image],
    [1, width],
  ] as const;
  const steps = repeated(shapes, evaluate);
  return {
    compile: () => steps.compile(),
    step: (zt, i) =>
      steps.run([
        { from: zt, first: 0, size: zt.size, times: copies },
        { from: prepared.biases, first: i * width, size: width, times: 1 },
      ]) as Tensor4D,
    dispose() {
      steps.dispose();
      disposePrepared(prepared);
      context.dispose();
    },
  };
}

/**
 * The network's raw outputs for every context, in one call.
 *
 * @param zt [N, h, w, c], already scaled for the network where the scheduler asks for it
 * @param t one timestep for all, or one per sample
 * @param contexts text embeddings, each [N, L, D]
 * @returns [contexts.length * N, h, w, c], the contexts one after another
 */
export function denoise(
  denoiser: Denoiser,
  zt: Tensor4D,
  t: number | readonly number[],
  contexts: readonly Tensor3D[],
  options: DenoiseOptions = {},
): Tensor4D {
  return tf.tidy(() => {
    const input = networkInput(denoiser, t, contexts, options);
    const stacked = contexts.length === 1 ? zt : stack(zt, contexts.length);
    return runUnet(denoiser.unet, stacked, input, options.stopAfter);
  });
}

export type LatentGradientOptions = Omit<DenoiseOptions, 'hooks'> & {
  readonly hooks?: Omit<NetworkHooks, 'project' | 'attention'>;
  /** Attention maps that the loss looks at. */
  readonly capture?: MapCapture | undefined;
  /** One tape over the network (the default), or stage by stage where memory is short. */
  readonly mode?: GradientMode | undefined;
};

/** A differentiable scalar of the outputs and of what `capture` kept of the attention maps, in forward order. */
export type LatentLoss = (outputs: Tensor4D, maps: readonly Tensor[]) => Scalar;

/**
 * The gradient of a scalar of the network's outputs, or of attention maps on the way, with respect to the latent: what
 * guidance methods such as Attend-and-Excite descend along.
 * @returns the loss and d loss / d zt [N, h, w, c]; the caller disposes both
 */
export async function latentGradient(
  denoiser: Denoiser,
  zt: Tensor4D,
  t: number,
  contexts: readonly Tensor3D[],
  loss: LatentLoss,
  options: LatentGradientOptions = {},
): Promise<{ readonly loss: Scalar; readonly gradient: Tensor4D }> {
  const { capture, stopAfter, mode = 'whole' } = options;
  const copies = contexts.length;
  const { input, stacked } = scope(() => ({
    input: networkInput(denoiser, t, contexts, options),
    stacked: copies === 1 ? zt.clone() : stack(zt, copies),
  }));
  const found = await unetGradients(
    {
      unet: denoiser.unet,
      zt: stacked,
      input,
      parameters: [],
      withContext: false,
      withLatent: true,
      capture,
      stopAfter,
      loss,
    },
    mode,
  );
  const gradient = scope(() =>
    copies === 1
      ? (found.latent as Tensor4D).clone()
      : (tf.addN(tf.split(found.latent as Tensor4D, copies)) as Tensor4D),
  );
  tf.dispose([stacked, input.temb as Tensor, input.context, found.latent as Tensor4D]);
  return { loss: found.loss, gradient };
}

/** What the stages get beside the latent; the caller disposes `temb` and `context`. */
function networkInput(
  denoiser: Denoiser,
  t: number | readonly number[],
  contexts: readonly Tensor3D[],
  { adapters, hooks }: DenoiseOptions,
): BlockInput {
  const repeated = typeof t === 'number' ? t : contexts.flatMap(() => t);
  return unetInput(denoiser.unet, repeated, joined(contexts), hooksOf(denoiser.adapter, adapters, hooks));
}

function hooksOf(
  adapter: Projector | null,
  adapters: DenoiseOptions['adapters'],
  hooks: DenoiseOptions['hooks'],
): NetworkHooks {
  return { ...hooks, project: adapters === 'off' ? undefined : (adapter ?? undefined) };
}

function joined(contexts: readonly Tensor3D[]): Tensor3D {
  const [first] = contexts as [Tensor3D];
  return contexts.length === 1 ? first.clone() : tf.concat([...contexts], 0);
}

function stack(zt: Tensor4D, copies: number): Tensor4D {
  return tf.concat(new Array(copies).fill(zt), 0) as Tensor4D;
}
