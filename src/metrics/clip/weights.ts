/** Typed weights of a CLIP in two parts that need not be on the device at the same time. */
import { type Linear, linear, type ParameterSource } from '../../models/parameters.ts';
import { buildTextEncoder, type TextWeights } from '../../models/text/weights.ts';
import { buildVision, type VisionWeights } from '../vision/weights.ts';
import type { ClipConfig } from './config.ts';

export type ClipTextTower = { readonly encoder: TextWeights; readonly projection: Linear };
export type ClipVisionTower = { readonly encoder: VisionWeights; readonly projection: Linear };

/** The encoder of texts with its projection to the common space. */
export function buildTextTower(config: ClipConfig, p: ParameterSource): ClipTextTower {
  return {
    encoder: buildTextEncoder(config.text, p),
    projection: linear(p, 'text_projection', config.text.width, config.embedWidth, false),
  };
}

/** The encoder of pictures with its projection to the common space. */
export function buildVisionTower(config: ClipConfig, p: ParameterSource): ClipVisionTower {
  return {
    encoder: buildVision(config.vision, p),
    projection: linear(p, 'visual_projection', config.vision.width, config.embedWidth, false),
  };
}

/** Trained with the towers and part of every file; a cosine does not use it. */
export function askForScale(p: ParameterSource): void {
  p.vector('logit_scale', 1);
}
