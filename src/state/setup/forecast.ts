/** What a run will cost, counted before it starts. */

import type { Settings } from '../../contract/spec.ts';
import { planPrompts } from '../../planning/promptPlan.ts';

/** A backward pass costs about two forward passes. */
const EVALUATIONS_PER_TRAINED_IMAGE = 3;
const BYTES_PER_TRACE_STEP = 8;
const LATENT_CHANNELS = 4;
const VAE_FACTOR = 8;

export type Forecast = {
  readonly prompts: number;
  readonly heldOut: number;
  readonly images: number;
  /** Network evaluations of single images, over all rounds. */
  readonly samplingEvaluations: number;
  readonly scoringEvaluations: number;
  readonly trainedImages: number;
  readonly trainingEvaluations: number;
  readonly evaluations: number;
  /** Latents and traces that will be stored. */
  readonly storedBytes: number;
};

/** Counts network evaluations: `prompts * candidates * steps * 2` for the set, and the work of the stages after it. */
export function forecast(settings: Settings, prompts: readonly string[], imageSize: number | null): Forecast {
  const { sampling, score, selection, training } = settings;
  // Which texts are held out depends on the seed, how many does not.
  const plan = planPrompts({ prompts, seed: 0, selection, training });
  const count = plan.length;
  const heldOut = new Set(plan.filter((prompt) => prompt.heldOut).map((prompt) => prompt.text)).size;
  const images = count * selection.candidates;
  const samplingEvaluations = images * sampling.steps * 2 * selection.rounds;
  const scoringEvaluations =
    score.path === 'renoise' ? images * sampling.steps * 2 * score.noiseDraws * selection.rounds : 0;
  const trainedImages = training.iterations * training.batch * training.accumulation * selection.rounds;
  const trainingEvaluations = trainedImages * EVALUATIONS_PER_TRAINED_IMAGE;
  const latentSize = (sampling.size ?? imageSize ?? 0) / VAE_FACTOR;
  const bytesPerImage = latentSize * latentSize * LATENT_CHANNELS * 4 + sampling.steps * BYTES_PER_TRACE_STEP;
  return {
    prompts: count,
    heldOut,
    images,
    samplingEvaluations,
    scoringEvaluations,
    trainedImages,
    trainingEvaluations,
    evaluations: samplingEvaluations + scoringEvaluations + trainingEvaluations,
    storedBytes: images * bytesPerImage * selection.rounds,
  };
}
