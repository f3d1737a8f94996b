import type { Tensor3D, Tensor4D } from '../../tensor/tf.ts';
import type { NetworkHooks } from '../hooks.ts';
import { runLinear } from '../layers.ts';
import type { BlockInput } from './blocks.ts';
import { embedTime, type PreparedUnet } from './prepared.ts';
import { type Stage, unetStages } from './stages.ts';
import type { UnetWeights } from './weights.ts';

/** A UNet ready to run: its weights and its stages. */
export type Unet = { readonly weights: UnetWeights; readonly stages: readonly Stage[] };

export function makeUnet(weights: UnetWeights): Unet {
  return { weights, stages: unetStages(weights) };
}

/**
 * What the stages get beside the latent. The caller disposes `temb`, which is there.
 * @param t one timestep for all samples, or one per sample
 * @param context text embeddings [N, L, D]
 */
export function unetInput(
  unet: Unet,
  t: number | readonly number[],
  context: Tensor3D,
  hooks: NetworkHooks,
): BlockInput {
  const { config } = unet.weights;
  return {
    temb: embedTime(unet.weights, typeof t === 'number' ? [t] : t, hooks.project ?? runLinear),
    context,
    hooks,
    groups: config.groups,
    normEps: config.normEps,
  };
}

/** What the stages get at a step of a path that was prepared. */
export function preparedInput(
  unet: Unet,
  step: PreparedUnet,
  context: Tensor3D,
  hooks: NetworkHooks,
): BlockInput {
  const { groups, normEps } = unet.weights.config;
  return { temb: null, step, context, hooks, groups, normEps };
}

/**
 * The network's prediction for zt [N, H, W, C] at timestep t.
 * @param stopAfter name of the last stage to run; its hidden state is returned
 * @returns a new tensor [N, H, W, Cout]
 * @throws RangeError for a stage that the network does not have
 */
export function runUnet(unet: Unet, zt: Tensor4D, input: BlockInput, stopAfter?: string): Tensor4D {
  if (stopAfter !== undefined && !unet.stages.some((stage) => stage.name === stopAfter)) {
    throw new RangeError(`the UNet has no stage ${stopAfter}`);
  }
  const skips: Tensor4D[] = [];
  let h = zt;
  for (const stage of unet.stages) {
    const skip = stage.skip === 'pop' ? skips.pop() : stage.skip === 'peek' ? skips.at(-1) : null;
    const next = stage.run(h, skip ?? null, input);
    if (h !== zt && !skips.includes(h)) h.dispose();
    if (stage.skip === 'pop') skip?.dispose();
    if (stage.skip === 'push') skips.push(next);
    h = next;
    if (stage.name === stopAfter) break;
  }
  for (const skip of skips) if (skip !== h) skip.dispose();
  return h;
}
