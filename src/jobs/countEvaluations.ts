import type { RunState } from '../contract/runTypes.ts';
import { guidedEvaluations } from '../methods/method.ts';
import { chosenMethod, evaluationsOfImage, evaluationsOfStopped } from '../methods/registry.ts';
import { judgingEvaluations, previewsOf } from '../planning/judging.ts';

type EvaluationCount = Readonly<
  Record<'sampling' | 'renoising' | 'training' | 'validation' | 'previews' | 'evaluation' | 'total', number>
>;

/**
 * Network evaluations (one sample with one context once through the UNet) behind what a run has stored. Work that a
 * crash made necessary twice counts once; encoding and ranking real images is not counted.
 */
export function countEvaluations(
  state: Pick<
    RunState,
    'spec' | 'candidates' | 'stopped' | 'train' | 'validation' | 'evaluations' | 'heldOut'
  >,
): EvaluationCount {
  const { score, training } = state.spec;
  const { method, options } = chosenMethod(state.spec.method);
  const cost = method.cost(state.spec, options);
  // Where the method's cost depends on the image this is the most that it can be.
  const perImage = evaluationsOfImage(state.spec, state.spec);
  const guided = guidedEvaluations(state.spec);
  const trained = state.train.length;
  const { compared, redrawn, ...watched } = judgingEvaluations(state.spec, {
    prompts: new Set(state.candidates.map((c) => c.prompt)).size,
    heldOut: state.heldOut.length,
    validations: state.validation.length,
    previews: previewsOf(training, trained),
    compared: state.evaluations.filter((e) => e.errorFall !== null).length,
    redrawn: state.evaluations.filter((e) => Object.keys(e.metrics).length > 0).length,
  });
  const counts = {
    sampling:
      state.candidates.length * perImage +
      state.stopped.length * evaluationsOfStopped(state.spec, state.spec),
    renoising: score.path === 'renoise' ? state.candidates.length * guided * score.noiseDraws : 0,
    training: trained * cost.perUpdate,
    ...watched,
    evaluation: compared + redrawn,
  };
  return { ...counts, total: Object.values(counts).reduce((a, b) => a + b, 0) };
}
