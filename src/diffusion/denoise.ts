import type { GradientMode } from '../contract/loadPlan.ts';
import type { NetworkHooks, Projector } from '../models/hooks.ts';
import type { BlockInput } from '../models/unet/blocks.ts';
import { type MapCapture, unetGradients } from '../models/unet/gradients.ts';
import { canPrepare, disposePrepared, type PreparedUnet, prepareUnet } from '../models/unet/prepared.ts';
import { preparedInput, runUnet, type Unet, unetInput } from '../models/unet/run.ts';
import { type Scalar, scope, type Tensor, type Tensor3D, type Tensor4D, tf } from '../tensor/tf.ts';

/** A UNet with an adapter on it, or none. */
export type Denoiser = { readonly unet: Unet; readonly adapter: Projector | null };

export type DenoiseOptions = {
  /** `off` gives the base model's prediction (the reference of DPO-like losses). */
  readonly adapters?: 'on' | 'off';
  readonly hooks?: Omit<NetworkHooks, 'project'>;
  /** Name of the last stage to run; its hidden state is returned instead of a prediction. */
  readonly stopAfter?: string | undefined;
};

/** What the evaluations of a path share, which then take no contexts and no timestep anew. Free it with `disposePath`. */
export type PreparedPath = { readonly prepared: PreparedUnet; readonly context: Tensor3D };

/**
 * Prepares the evaluations at all timesteps of a path, with these contexts and options.
 * @returns null where they share nothing
 */
export function preparePath(
  { unet, adapter }: Denoiser,
  timesteps: readonly number[],
  contexts: readonly Tensor3D[],
  { adapters, hooks: given }: DenoiseOptions = {},
): PreparedPath | null {
  const hooks = hooksOf(adapter, adapters, given);
  if (!canPrepare(hooks)) return null;
  const context = joined(contexts);
  return { prepared: prepareUnet(unet.weights, timesteps, context, hooks), context };
}

export function disposePath({ prepared, context }: PreparedPath): void {
  disposePrepared(prepared);
  context.dispose();
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

/**
 * `denoise` at one step of a prepared path.
 *
 * @param copies contexts that the path was prepared with
 * @param i index of the timestep
 */
export function denoiseStep(
  { unet, adapter }: Denoiser,
  zt: Tensor4D,
  { prepared, context }: PreparedPath,
  { copies, i }: { readonly copies: number; readonly i: number },
  { adapters, hooks, stopAfter }: DenoiseOptions = {},
): Tensor4D {
  return tf.tidy(() => {
    const step = { ...prepared, row: i };
    const input = preparedInput(unet, step, context, hooksOf(adapter, adapters, hooks));
    return runUnet(unet, copies === 1 ? zt : stack(zt, copies), input, stopAfter);
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
