import type { DiffusionModel } from '../models/load.ts';
import type { TextWeights } from '../models/text/weights.ts';
import { textDense, textTargets } from '../models/text/weights.ts';
import type { Unet } from '../models/unet/run.ts';
import type { Target } from './adapter.ts';

/** to_q, to_k, to_v and to_out.0 of every attention layer of the UNet, self and cross, as the paper adapts. */
export function unetAdapterTargets(unet: Unet): readonly Target[] {
  return unet.stages.flatMap((s) => s.targets).map((layer) => ({ module: `unet.${layer.name}`, layer }));
}

/** q, k, v and out projections of the text encoder, for the joint variant. */
export function textAdapterTargets(text: TextWeights): readonly Target[] {
  return textTargets(text).map((layer) => ({ module: `text_encoder.${layer.name}`, layer }));
}

/** Everything in the model that an adapter file may speak of: every dense layer of the transformers, as kohya adapts. */
export function allAdapterTargets(model: DiffusionModel): readonly Target[] {
  const unet = model.unet.stages.flatMap((s) => s.dense);
  return [
    ...unet.map((layer) => ({ module: `unet.${layer.name}`, layer })),
    ...textDense(model.text).map((layer) => ({ module: `text_encoder.${layer.name}`, layer })),
  ];
}
