/** The scenes that the model is trained on: kinds, their shares, and how one is drawn. */
import { drawPromptOf } from '../../src/shapes/prompts.ts';
import type { Draws } from '../../src/shapes/random.ts';
import { sampleScene } from '../../src/shapes/scene.ts';
import { CATEGORIES, type Category, type Scene } from '../../src/shapes/world.ts';

/** Mostly one object, so that many captions can name a second one that is not there (`extra` in `CAPTION_SHARES`). */
export const MIXTURE: Readonly<Record<Category, number>> = {
  single: 0.6,
  color: 0.12,
  shape: 0.05,
  texture: 0.05,
  spatial: 0.08,
  nonSpatial: 0.05,
  complex: 0.05,
};

/** A scene of a training prompt (of one category where given), without combinations kept out of training. */
export function drawTrainingScene(draws: Draws, only?: Category): Scene {
  for (;;) {
    let left = draws.unit();
    const category = CATEGORIES.find((name) => {
      left -= MIXTURE[name];
      return left < 0;
    });
    const prompt = drawPromptOf('train', only ?? category ?? 'color', draws);
    const scene = sampleScene(prompt, draws, { avoidUnseen: true });
    if (scene !== null) return scene;
  }
}
