import type { RunState } from '../contract/runTypes.ts';
import { EVALUATION_GRID } from '../procedures/evaluate.ts';
import { VALIDATION } from '../procedures/trainRound.ts';
import { EVALUATED } from './evaluateStage.ts';
import { PREVIEW_STEPS } from './trainStage.ts';

/** A backward pass costs about two forward passes: activations and adapters get a gradient, frozen weights do not. */
const TRAINING_COST = 3;

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
  const { sampling: s, score, training, selection } = state.spec;
  const steps = s.steps + (s.scheduler === 'pndm' ? 1 : 0);
  const heldOutImages = (most: number): number => Math.min(most, state.heldOut.length * selection.keep);
  const evaluatedImages =
    Math.min(EVALUATED.prompts, state.heldOut.length) * Math.min(EVALUATED.images, selection.candidates);
  const drawn = state.evaluations.filter((e) => Object.keys(e.metrics).length > 0).length;
  const trained = state.train.length;
  const previews =
    training.previewEvery === 0 || trained === 0 ? 0 : Math.floor(trained / training.previewEvery) + 1;
  const counts = {
    sampling: state.candidates.length * steps * 2,
    renoising: score.path === 'renoise' ? state.candidates.length * steps * score.noiseDraws * 2 : 0,
    training: trained * training.batch * training.accumulation * TRAINING_COST,
    validation:
      state.validation.length *
      heldOutImages(VALIDATION.images) *
      VALIDATION.timesteps *
      VALIDATION.draws *
      2,
    previews: previews * Math.min(steps, PREVIEW_STEPS) * 2,
    evaluation:
      state.evaluations.length *
        heldOutImages(EVALUATED.prompts) *
        EVALUATION_GRID.timesteps *
        EVALUATION_GRID.draws *
        4 +
      drawn * evaluatedImages * steps * 2,
  };
  return { ...counts, total: Object.values(counts).reduce((a, b) => a + b, 0) };
}
