import type { DiffusionModel } from '../models/load.ts';
import type { PartName } from '../models/shape.ts';
import { type TextWeights, textDense, textTargets } from '../models/text/weights.ts';
import type { Unet } from '../models/unet/run.ts';
import { unetLayers } from '../models/unet/weights.ts';
import type { Target } from './adapter.ts';
import type { FrozenWeights } from './effective.ts';
import type { ImportTarget } from './import/toTensors.ts';

/** to_q, to_k, to_v and to_out.0 of every attention layer of the UNet, self and cross, as the paper adapts. */
export function unetAdapterTargets(unet: Unet): readonly Target[] {
  return unet.stages.flatMap((s) => s.targets).map((layer) => ({ module: `unet.${layer.name}`, layer }));
}

/** q, k, v and out projections of the text encoder, for the joint variant. */
export function textAdapterTargets(text: TextWeights): readonly Target[] {
  return textTargets(text).map((layer) => ({ module: `text_encoder.${layer.name}`, layer }));
}

/** Everything in the model that an adapter file may speak of: convolutions and time embeddings too. */
export function importTargets(model: DiffusionModel): readonly ImportTarget[] {
  const target = (component: string, part: PartName, layer: ImportTarget['layer']): ImportTarget => ({
    module: `${component}.${layer.name}`,
    layer,
    shape: model.parts[part].shapeOf(`${layer.name}.weight`),
  });
  return [
    ...unetLayers(model.unet.weights).map((layer) => target('unet', 'unet', layer)),
    ...textDense(model.text).map((layer) => target('text_encoder', 'text', layer)),
  ];
}

/** Weights of the model by module, read from its files: not rounded as they may be on the device. */
export function frozenWeights(model: DiffusionModel): FrozenWeights {
  return (module) => {
    const dot = module.indexOf('.');
    const part = module.slice(0, dot) === 'unet' ? model.parts.unet : model.parts.text;
    return part.storedValues(`${module.slice(dot + 1)}.weight`);
  };
}
