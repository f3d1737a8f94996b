/** Network evaluations beside drawing a pool and training on it: what watches the training and judges its result. */
import { EVALUATED, EVALUATION_GRID, PREVIEW_STEPS, VALIDATION } from '../contract/judging.ts';
import type { MiTuneSpec, Settings } from '../contract/spec.ts';
import { guidedEvaluations } from '../methods/method.ts';
import { chosenMethod, evaluationsOfImage } from '../methods/registry.ts';

/** What is done how often. */
type Judging = {
  /** Prompts that candidates are drawn of, and those of them that are held out. */
  readonly prompts: number;
  readonly heldOut: number;
  readonly validations: number;
  readonly previews: number;
  /** Evaluations that compare errors on held-out images, and those that draw pictures again. */
  readonly compared: number;
  readonly redrawn: number;
};

/** `compared`: of errors; `redrawn`: of pictures, which are drawn as a pool is. */
type JudgingCount = Readonly<Record<'validation' | 'previews' | 'compared' | 'redrawn', number>>;

export function judgingEvaluations(
  spec: Settings & Pick<MiTuneSpec, 'method' | 'drawnBy'>,
  { prompts, heldOut, validations, previews, compared, redrawn }: Judging,
): JudgingCount {
  const { sampling, selection } = spec;
  const preview = { ...sampling, steps: Math.min(sampling.steps, PREVIEW_STEPS) };
  const heldOutImages = (most: number): number => Math.min(most, heldOut * selection.keep);
  // What trains is judged on held-out prompts, drawn its own way; what draws on all, beside guidance alone.
  const trains = chosenMethod(spec.method).method.stages.includes('train');
  const pictures =
    Math.min(EVALUATED.prompts, trains ? heldOut : prompts) *
    Math.min(EVALUATED.images, selection.candidates);
  const drawn = trains ? evaluationsOfImage(spec, spec) : guidedEvaluations(spec);
  const grid = heldOutImages(EVALUATED.prompts) * EVALUATION_GRID.timesteps * EVALUATION_GRID.draws;
  return {
    validation: validations * heldOutImages(VALIDATION.images) * VALIDATION.timesteps * VALIDATION.draws * 2,
    previews: previews * evaluationsOfImage({ ...spec, sampling: preview }, spec),
    // Without and with the adapter, each without and with the prompt.
    compared: compared * grid * 4,
    redrawn: redrawn * pictures * drawn,
  };
}

/** Previews of so many steps of training: one before the first. */
export function previewsOf({ previewEvery }: Settings['training'], steps: number): number {
  return previewEvery === 0 || steps === 0 ? 0 : Math.floor(steps / previewEvery) + 1;
}
