import type { RunState } from '../contract/runTypes.ts';
import { samplerSteps } from '../methods/method.ts';
import { chosenMethod, drawingMethod } from '../methods/registry.ts';
import { EVALUATION_GRID } from '../procedures/evaluate.ts';
import { VALIDATION } from '../procedures/trainRound.ts';
import { EVALUATED } from './evaluateStage.ts';
import { PREVIEW_STEPS } from './trainStage.ts';

export type EvaluationCount = Readonly<
  Record<'sampling' | 'renoising' | 'training' | 'validation' | 'previews' | 'evaluation' | 'total', number>
>;

/**
 * Network evaluations (one sample with one context once through the UNet) behind what a run has stored. Work that a
 * crash made necessary twice counts once; encoding and ranking real images is not in it.
 */
export function countEvaluations(
  state: Pick<RunState, 'spec' | 'candidates' | 'train' | 'validation' | 'evaluations' | 'heldOut'>,
): EvaluationCount {
  const { score, training, selection } = state.spec;
  const { method, options } = chosenMethod(state.spec.method);
  const cost = method.cost(state.spec, options);
  const drawing = drawingMethod(state.spec);
  // Where the method's cost depends on the image this is the most that it can be.
  const perImage =
    drawing === null ? cost.perImage : drawing.method.cost(state.spec, drawing.options).perImage;
  const steps = samplerSteps(state.spec);
  const heldOutImages = (most: number): number => Math.min(most, state.heldOut.length * selection.keep);
  const evaluatedImages =
    Math.min(EVALUATED.prompts, state.heldOut.length) * Math.min(EVALUATED.images, selection.candidates);
  const drawn = state.evaluations.filter((e) => Object.keys(e.metrics).length > 0).length;
  const trained = state.train.length;
  const previews =
    training.previewEvery === 0 || trained === 0 ? 0 : Math.floor(trained / training.previewEvery) + 1;
  const counts = {
    sampling: state.candidates.length * perImage,
    renoising: score.path === 'renoise' ? state.candidates.length * steps * score.noiseDraws * 2 : 0,
    training: trained * cost.perUpdate,
    validation:
      state.validation.length *
      heldOutImages(VALIDATION.images) *
      VALIDATION.timesteps *
      VALIDATION.draws *
      2,
    previews: previews * Math.min(steps, PREVIEW_STEPS) * 2,
    evaluation:
      state.evaluations.filter((e) => e.errorFall !== null).length *
        heldOutImages(EVALUATED.prompts) *
        EVALUATION_GRID.timesteps *
        EVALUATION_GRID.draws *
        4 +
      drawn * evaluatedImages * steps * 2,
  };
  return { ...counts, total: Object.values(counts).reduce((a, b) => a + b, 0) };
}
