import type { NetworkHooks, Projector } from '../models/hooks.ts';
import { runUnet, type Unet, unetInput } from '../models/unet/run.ts';
import { type Scalar, type Tensor3D, type Tensor4D, tf } from '../tensor/tf.ts';

/** A UNet with an adapter on it, or none. */
export type Denoiser = { readonly unet: Unet; readonly adapter: Projector | null };

export type DenoiseOptions = {
  /** `off` gives the base model's prediction (the reference of DPO-like losses). */
  readonly adapters?: 'on' | 'off';
  readonly hooks?: Omit<NetworkHooks, 'project'>;
  /** Name of the last stage to run; its hidden state is returned instead of a prediction. */
  readonly stopAfter?: string | undefined;
};

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
    const context = contexts.length === 1 ? (contexts[0] as Tensor3D) : tf.concat([...contexts], 0);
    const stacked =
      contexts.length === 1 ? zt : (tf.concat(new Array(contexts.length).fill(zt), 0) as Tensor4D);
    const repeated = typeof t === 'number' ? t : contexts.flatMap(() => t);
    const project = options.adapters === 'off' ? undefined : (denoiser.adapter ?? undefined);
    const input = unetInput(denoiser.unet, repeated, context, { ...options.hooks, project });
    return runUnet(denoiser.unet, stacked, input, options.stopAfter);
  });
}

/**
 * The gradient of a scalar of the network's outputs (or of what attention hooks collected on the way) with respect to
 * the latent: what guidance methods such as Attend-and-Excite descend along.
 * @returns the loss and d loss / d zt [N, h, w, c]; the caller disposes both
 */
export function latentGradient(
  denoiser: Denoiser,
  zt: Tensor4D,
  t: number,
  contexts: readonly Tensor3D[],
  loss: (outputs: Tensor4D) => Scalar,
  options: DenoiseOptions = {},
): { readonly loss: Scalar; readonly gradient: Tensor4D } {
  const { value, grads } = tf
    .engine()
    .gradients(() => loss(denoise(denoiser, zt, t, contexts, options)), [zt], undefined);
  return { loss: value as Scalar, gradient: grads[0] as Tensor4D };
}
