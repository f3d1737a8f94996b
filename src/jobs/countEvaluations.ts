import type { RunState } from '../contract/runTypes.ts';
import { guidedEvaluations } from '../methods/method.ts';
import { chosenMethod, evaluationsOfImage } from '../methods/registry.ts';
import { EVALUATION_GRID } from '../procedures/evaluate.ts';
import { VALIDATION } from '../procedures/trainRound.ts';
import { EVALUATED } from './evaluateStage.ts';
import { PREVIEW_STEPS } from './trainStage.ts';

type EvaluationCount = Readonly<
  Record<'sampling' | 'renoising' | 'training' | 'validation' | 'previews' | 'evaluation' | 'total', number>
>;

/**
 * Network evaluations (one sample with one context once through the UNet) behind what a run has stored. Work that a
 * crash made necessary twice counts once; encoding and ranking real images is not counted.
 */
export function countEvaluations(
  state: Pick<RunState, 'spec' | 'candidates' | 'train' | 'validation' | 'evaluations' | 'heldOut'>,
): EvaluationCount {
  const { score, training, selection } = state.spec;
  const { method, options } = chosenMethod(state.spec.method);
  const cost = method.cost(state.spec, options);
  // Where the method's cost depends on the image this is the most that it can be.
  const perImage = evaluationsOfImage(state.spec, state.spec);
  const guided = guidedEvaluations(state.spec);
  const { sampling } = state.spec;
  const preview = { ...sampling, steps: Math.min(sampling.steps, PREVIEW_STEPS) };
  const heldOutImages = (most: number): number => Math.min(most, state.heldOut.length * selection.keep);
  // What trains is judged on held-out prompts, drawn its own way; what draws on all, beside guidance alone.
  const trains = method.stages.includes('train');
  const judged = trains ? state.heldOut.length : new Set(state.candidates.map((c) => c.prompt)).size;
  const evaluatedImages =
    Math.min(EVALUATED.prompts, judged) * Math.min(EVALUATED.images, selection.candidates);
  const drawn = state.evaluations.filter((e) => Object.keys(e.metrics).length > 0).length;
  const trained = state.train.length;
  const previews =
    training.previewEvery === 0 || trained === 0 ? 0 : Math.floor(trained / training.previewEvery) + 1;
  const counts = {
    sampling: state.candidates.length * perImage,
    renoising: score.path === 'renoise' ? state.candidates.length * guided * score.noiseDraws : 0,
    training: trained * cost.perUpdate,
    validation:
      state.validation.length *
      heldOutImages(VALIDATION.images) *
      VALIDATION.timesteps *
      VALIDATION.draws *
      2,
    previews: previews * evaluationsOfImage({ ...state.spec, sampling: preview }, state.spec),
    evaluation:
      state.evaluations.filter((e) => e.errorFall !== null).length *
        heldOutImages(EVALUATED.prompts) *
        EVALUATION_GRID.timesteps *
        EVALUATION_GRID.draws *
        4 +
      drawn * evaluatedImages * (trains ? perImage : guided),
  };
  return { ...counts, total: Object.values(counts).reduce((a, b) => a + b, 0) };
}
