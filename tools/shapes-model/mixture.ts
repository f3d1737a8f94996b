/** The scenes that the model is trained on: kinds, their shares, and how one is drawn. */
import { drawPromptOf } from '../../src/shapes/prompts.ts';
import type { Draws } from '../../src/shapes/random.ts';
import { sampleScene } from '../../src/shapes/scene.ts';
import { CATEGORIES, type Category, type Scene } from '../../src/shapes/world.ts';

export const MIXTURE: Readonly<Record<Category, number>> = {
  single: 0.26,
  color: 0.2,
  shape: 0.08,
  texture: 0.1,
  spatial: 0.14,
  nonSpatial: 0.12,
  complex: 0.1,
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
