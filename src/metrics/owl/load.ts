/** The weights of OWL-ViT in two parts that need not be on the device at the same time, and their loading. */
import type { ParameterReader } from '../../models/checkpointReader.ts';
import { type Linear, linear, type Norm, norm, type ParameterSource } from '../../models/parameters.ts';
import type { ClipConfig } from '../clip/config.ts';
import { openTowers, type TowerOptions, type Towers, towerSpecs } from '../clip/load.ts';
import { buildVisionTower } from '../clip/weights.ts';
import type { VisionWeights } from '../vision/weights.ts';

export type OwlDetector = {
  readonly encoder: VisionWeights;
  /** After every patch was multiplied by the class token. */
  readonly mergedNorm: Norm;
  /** A direction for every patch, to be held against those of the texts; shift and scale of its logits. */
  readonly classes: { readonly embed: Linear; readonly shift: Linear; readonly scale: Linear };
  /** Center, width and height, before the patch's own place is added. */
  readonly boxes: { readonly first: Linear; readonly second: Linear; readonly last: Linear };
};

/** Its network of pictures is the detector. */
export type Owl = Towers<OwlDetector>;

function buildDetector(config: ClipConfig, p: ParameterSource): OwlDetector {
  const { width } = config.vision;
  // The projection is CLIP's, which detection leaves out; it is part of every file.
  const { encoder } = buildVisionTower(config, p);
  return {
    encoder,
    mergedNorm: norm(p, 'layer_norm', width),
    classes: {
      embed: linear(p, 'class_head.dense0', width, config.text.width, true),
      shift: linear(p, 'class_head.logit_shift', width, 1, true),
      scale: linear(p, 'class_head.logit_scale', width, 1, true),
    },
    boxes: {
      first: linear(p, 'box_head.dense0', width, width, true),
      second: linear(p, 'box_head.dense1', width, width, true),
      last: linear(p, 'box_head.dense2', width, 4, true),
    },
  };
}

/** The parameters of each part; CLIP's scale, which detection leaves out too, is read with the text. */
export function owlSpecs(config: ClipConfig): ReturnType<typeof towerSpecs> {
  return towerSpecs(config, buildDetector);
}

/** Opens both parts. @throws StudioError `weights-not-finite` */
export function openOwl(reader: ParameterReader, config: ClipConfig, options: TowerOptions): Promise<Owl> {
  return openTowers(reader, config, buildDetector, options);
}
