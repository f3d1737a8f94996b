/**
 * The unit of work of a pool: candidates drawn and scored. A function of its arguments alone, so that another tab or
 * machine with the same model computes the same numbers.
 */
import type { MetricRecord, PixelImage } from '../contract/events.ts';
import type { ScoreSpec } from '../contract/spec.ts';
import type { Scheduler } from '../diffusion/scheduler.ts';
import { measureImage } from '../metrics/measure.ts';
import type { Meter } from '../metrics/metric.ts';
import { measureRenoised } from '../mi/measureRenoised.ts';
import { decodeImages } from './decodeImages.ts';
import type { DrawnCandidate, DrawOptions } from './drawJob.ts';
import { drawPool, type PoolTask } from './drawPool.ts';
import { stackLatents } from './measureSet.ts';
import {
  packMeasurements,
  renoisedDraws,
  type Scored,
  scoreOfMeasurements,
  scoreOfTrace,
} from './scoring.ts';
import type { Session } from './session.ts';
import { contextsOf, denoiserOf, type Tuned } from './tuned.ts';

/** Noise of the re-noised path: the same for every candidate of every prompt. */
const RENOISE_SEED = 0x72656e6f;

export type ScoreOptions = {
  /** Its timesteps are those of the traces. */
  readonly scheduler: Scheduler;
  readonly score: ScoreSpec;
  /** What images are measured by beside MI. */
  readonly meters: readonly Meter[];
  readonly signal?: AbortSignal | undefined;
};

/** A candidate with all that is known of it. */
export type ScoredCandidate = DrawnCandidate &
  Scored & {
    readonly metrics: MetricRecord;
    /** Raw numbers of the re-noised path, from which other weights give other scores; null on sampling paths. */
    readonly terms: Float32Array | null;
    /** Null where images are decoded only when somebody looks. */
    readonly image: PixelImage | null;
  };

/**
 * Draws the tasks' candidates and scores them, batch by batch.
 * @throws StudioError `sampling-not-finite`
 */
export async function* drawAndScore(
  session: Session,
  tuned: Tuned | null,
  tasks: readonly PoolTask[],
  options: DrawOptions & ScoreOptions,
): AsyncGenerator<readonly ScoredCandidate[]> {
  const texts = new Map(tasks.map(({ prompt, text }) => [prompt, text]));
  await contextsOf(session, tuned).prepare(['', ...texts.values()], options.signal);
  for await (const drawn of drawPool(session, tuned, tasks, options)) {
    for (const [prompt, own] of byPrompt(drawn))
      yield await scoreCandidates(session, tuned, own, texts.get(prompt) as string, options);
  }
}

/** A batch, prompt by prompt in its order. */
function byPrompt(drawn: readonly DrawnCandidate[]): Map<number, readonly DrawnCandidate[]> {
  const prompts = [...new Set(drawn.map(({ prompt }) => prompt))];
  return new Map(prompts.map((prompt) => [prompt, drawn.filter((c) => c.prompt === prompt)]));
}

/** Scores drawn candidates of one prompt, in their order. */
export async function scoreCandidates(
  session: Session,
  tuned: Tuned | null,
  drawn: readonly DrawnCandidate[],
  text: string,
  options: ScoreOptions,
): Promise<readonly ScoredCandidate[]> {
  const images = session.policy.decodeAtOnce
    ? await decodeImages(
        session,
        drawn.map((c) => c.latent),
      )
    : [];
  const scored = await scoreDrawn(session, tuned, drawn, text, options);
  const complete: ScoredCandidate[] = [];
  for (const [i, candidate] of drawn.entries()) {
    const image = images[i] ?? null;
    complete.push({
      ...candidate,
      ...(scored[i] as (typeof scored)[number]),
      metrics: image === null ? {} : await measureImage(options.meters, image, text),
      image,
    });
  }
  return complete;
}

/** Scores alone, in the order of the candidates, with the raw numbers of the re-noised path. */
export async function scoreDrawn(
  session: Session,
  tuned: Tuned | null,
  drawn: readonly DrawnCandidate[],
  text: string,
  { score, scheduler, signal }: Omit<ScoreOptions, 'meters'>,
): Promise<(Scored & { terms: Float32Array | null })[]> {
  const { schedule, prediction } = session;
  const { timesteps } = scheduler;
  if (score.path !== 'renoise') {
    return drawn.map((c) => ({
      ...scoreOfTrace(schedule, timesteps, c.squaredDifference, score),
      terms: null,
    }));
  }
  const contexts = contextsOf(session, tuned);
  await contexts.prepare(['', text], signal);
  const latents = stackLatents(session, drawn);
  const uncond = await contexts.rows(drawn.map(() => ''));
  const cond = await contexts.rows(drawn.map(() => text));
  try {
    const measured = await measureRenoised({
      denoiser: denoiserOf(session, tuned),
      schedule,
      prediction,
      latents,
      uncond,
      cond,
      plan: renoisedDraws(timesteps, score.noiseDraws),
      seed: RENOISE_SEED,
      signal,
    });
    return measured.map((m) => ({ ...scoreOfMeasurements(schedule, m, score), terms: packMeasurements(m) }));
  } finally {
    for (const tensor of [latents, uncond, cond]) tensor.dispose();
  }
}
