/** What a run will cost, counted before it starts. */

import type { MiTuneSpec, Settings } from '../../contract/spec.ts';
import { guidedEvaluations } from '../../methods/method.ts';
import { chosenMethod, evaluationsOfImage } from '../../methods/registry.ts';
import { planPrompts } from '../../planning/promptPlan.ts';

const BYTES_PER_TRACE_STEP = 8;
const LATENT_CHANNELS = 4;
const VAE_FACTOR = 8;

export type Forecast = {
  readonly prompts: number;
  readonly heldOut: number;
  readonly images: number;
  /** Network evaluations to draw one image, at most, and of one training step. */
  readonly perImage: number;
  readonly perUpdate: number;
  /** Network evaluations of single images, over all rounds. */
  readonly samplingEvaluations: number;
  readonly scoringEvaluations: number;
  readonly trainedImages: number;
  readonly trainingEvaluations: number;
  readonly evaluations: number;
  /** Latents and traces that will be stored. */
  readonly storedBytes: number;
};

/**
 * Counts network evaluations as the method says they cost: of the set, and of the stages after it. Where the cost of an
 * image depends on it, the most it can be.
 */
export function forecast(
  settings: Settings,
  prompts: readonly string[],
  imageSize: number | null,
  methods: Pick<MiTuneSpec, 'method' | 'drawnBy'> = {},
): Forecast {
  const { method, options } = chosenMethod(methods.method);
  const cost = method.cost(settings, options);
  const perImage = evaluationsOfImage(settings, methods);
  const rounds = method.stages.includes('train') ? settings.selection.rounds : 1;
  const { sampling, score, selection, training } = settings;
  // Which texts are held out depends on the seed, how many does not.
  const plan = planPrompts({ prompts, seed: 0, selection, training });
  const count = plan.length;
  const heldOut = new Set(plan.filter((prompt) => prompt.heldOut).map((prompt) => prompt.text)).size;
  const images = count * selection.candidates;
  const samplingEvaluations = images * perImage * rounds;
  const scoringEvaluations =
    score.path === 'renoise' ? images * guidedEvaluations(settings) * score.noiseDraws * rounds : 0;
  const updates = cost.perUpdate === 0 ? 0 : training.iterations * rounds;
  const trainedImages = updates * training.batch * training.accumulation;
  const trainingEvaluations = updates * cost.perUpdate;
  const latentSize = (sampling.size ?? imageSize ?? 0) / VAE_FACTOR;
  const bytesPerImage = latentSize * latentSize * LATENT_CHANNELS * 4 + sampling.steps * BYTES_PER_TRACE_STEP;
  return {
    prompts: count,
    heldOut,
    images,
    perImage,
    perUpdate: cost.perUpdate,
    samplingEvaluations,
    scoringEvaluations,
    trainedImages,
    trainingEvaluations,
    evaluations: samplingEvaluations + scoringEvaluations + trainingEvaluations,
    storedBytes: images * bytesPerImage * rounds,
  };
}
