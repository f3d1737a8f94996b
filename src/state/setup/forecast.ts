/** What a run will cost, counted before it starts. */

import { earlyStopOf } from '../../contract/earlyStop.ts';
import type { MiTuneSpec, Settings } from '../../contract/spec.ts';
import { guidedEvaluations, samplerSteps } from '../../methods/method.ts';
import { chosenMethod, evaluationsOfImage, evaluationsOfStopped } from '../../methods/registry.ts';
import { judgingEvaluations, previewsOf } from '../../planning/judging.ts';
import { type PlannedPrompt, planPrompts } from '../../planning/promptPlan.ts';

const BYTES_PER_TRACE_STEP = 8;
const LATENT_CHANNELS = 4;
const VAE_FACTOR = 8;

export type Forecast = {
  readonly prompts: number;
  readonly heldOut: number;
  readonly images: number;
  /** Of these, drawn to the end. */
  readonly finished: number;
  /** Network evaluations to draw one image, at most, and of one training step. */
  readonly perImage: number;
  readonly perUpdate: number;
  /** Network evaluations of single images, over all rounds. */
  readonly samplingEvaluations: number;
  /** Share of them that early stopping saves: they are not among the others any more. */
  readonly savedShare: number;
  readonly scoringEvaluations: number;
  readonly trainedImages: number;
  readonly trainingEvaluations: number;
  /** Of watching the training and comparing errors, and of the pictures that are drawn again. */
  readonly judgingEvaluations: number;
  readonly redrawnEvaluations: number;
  readonly evaluations: number;
  /** Latents and traces that will be stored. */
  readonly storedBytes: number;
};

type ForecastOptions = {
  readonly methods?: Pick<MiTuneSpec, 'method' | 'drawnBy'>;
  /** Metrics measure the images: then pictures of held-out prompts are drawn again to be compared. */
  readonly hasMeters?: boolean;
};

/**
 * Counts network evaluations as the method says they cost: of the set, and of the stages after it. Where the cost of an
 * image depends on it, the most it can be.
 */
export function forecast(
  settings: Settings,
  prompts: readonly string[],
  imageSize: number | null,
  { methods = {}, hasMeters = false }: ForecastOptions = {},
): Forecast {
  const { method, options } = chosenMethod(methods.method);
  const cost = method.cost(settings, options);
  const perImage = evaluationsOfImage(settings, methods);
  const rounds = method.stages.includes('train') ? settings.selection.rounds : 1;
  const { sampling, selection, training } = settings;
  // Which texts are held out depends on the seed, how many does not.
  const plan = planPrompts({ prompts, seed: 0, selection, training });
  const count = plan.length;
  const heldOut = new Set(plan.filter((prompt) => prompt.heldOut).map((prompt) => prompt.text)).size;
  const images = count * selection.candidates;
  // Held-out prompts are drawn whole.
  const goOn = earlyStopOf(settings, samplerSteps(settings))?.goOn ?? selection.candidates;
  const stopped = plan.filter((prompt) => !prompt.heldOut).length * (selection.candidates - goOn);
  const saved = stopped * (perImage - evaluationsOfStopped(settings, methods));
  const samplingEvaluations = (images * perImage - saved) * rounds;
  const scoringEvaluations = (images - stopped) * scoringOfImage(settings) * rounds;
  const updates = cost.perUpdate === 0 ? 0 : training.iterations * rounds;
  const trainedImages = updates * training.batch * training.accumulation;
  const trainingEvaluations = updates * cost.perUpdate;
  const judging = judgingOf({ ...settings, ...methods }, plan, { rounds, hasMeters });
  const { redrawn, ...watching } = judging;
  const watchingEvaluations = watching.validation + watching.previews + watching.compared;
  const latentSize = (sampling.size ?? imageSize ?? 0) / VAE_FACTOR;
  const bytesPerImage = latentSize * latentSize * LATENT_CHANNELS * 4 + sampling.steps * BYTES_PER_TRACE_STEP;
  return {
    prompts: count,
    heldOut,
    images,
    finished: images - stopped,
    perImage,
    perUpdate: cost.perUpdate,
    samplingEvaluations,
    savedShare: images === 0 ? 0 : saved / (images * perImage),
    scoringEvaluations,
    trainedImages,
    trainingEvaluations,
    judgingEvaluations: watchingEvaluations,
    redrawnEvaluations: redrawn,
    evaluations:
      samplingEvaluations + scoringEvaluations + trainingEvaluations + watchingEvaluations + redrawn,
    storedBytes: (images - stopped) * bytesPerImage * rounds,
  };
}

/** Network evaluations that score an image beside those that draw it. */
export function scoringOfImage(settings: Pick<Settings, 'sampling' | 'score'>): number {
  const { path, noiseDraws } = settings.score;
  return path === 'renoise' ? guidedEvaluations(settings) * noiseDraws : 0;
}

/** What the stages after the set draw to watch the training and to judge its result, over all rounds. */
function judgingOf(
  spec: Settings & Pick<MiTuneSpec, 'method' | 'drawnBy'>,
  plan: readonly PlannedPrompt[],
  { rounds, hasMeters }: { readonly rounds: number; readonly hasMeters: boolean },
): ReturnType<typeof judgingEvaluations> {
  const { training } = spec;
  const trains = chosenMethod(spec.method).method.stages.includes('train');
  const heldOut = plan.filter((prompt) => prompt.heldOut).length;
  const judged = trains && heldOut > 0 ? rounds : 0;
  return judgingEvaluations(spec, {
    prompts: plan.length,
    heldOut,
    validations: judged * (1 + Math.ceil(training.iterations / training.checkpointEvery)),
    previews: trains ? rounds * previewsOf(training, training.iterations) : 0,
    compared: judged,
    redrawn: trains ? (hasMeters ? judged : 0) : 1,
  });
}
