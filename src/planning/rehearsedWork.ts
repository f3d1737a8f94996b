/** The work of a run that plans measure: a batch drawn, and a step trained, of the real code on any device. */
import { type Adapter, initAdapter } from '../adapters/adapter.ts';
import { presetSettings } from '../contract/presets.ts';
import type { MethodTuning, OnlineRequest } from '../methods/methodCode.ts';
import { drawPool } from '../procedures/drawPool.ts';
import type { DrawRule } from '../procedures/drawRule.ts';
import type { CaptionedLatent } from '../procedures/measureSet.ts';
import { type Session, sessionScheduler } from '../procedures/session.ts';
import type { TrainItem } from '../procedures/trainItems.ts';
import { trainedTargets, trainRound } from '../procedures/trainRound.ts';
import type { Tuned } from '../procedures/tuned.ts';

/** The only prompt there is. */
export const PROMPT = 'a';
/** More rows than any method has for one sample. */
const MOST_ROWS = 16;
/** Any above 1. */
const GUIDANCE = 7.5;
/** Steps of the sampler: the first makes what the second needs. */
export const STEPS = 2;
/** Micro-batches of the one step of the optimizer. */
export const ACCUMULATION = 2;

/** How images are drawn, and what one sample of training is or where it comes from. */
export type Way = {
  readonly rule: DrawRule;
  /** Latents that the method keeps. */
  readonly keptLatents: number;
} & Pick<MethodTuning, 'tuning' | 'online'>;

/** One batch of candidates, all steps of it. */
export async function drawOnce(
  session: Session,
  tuned: Tuned | null,
  batch: number,
  rule: DrawRule,
): Promise<void> {
  const candidates = Array.from({ length: batch }, (_, i) => ({ candidate: i, seed: i }));
  const drawn = drawPool(session, tuned, [{ prompt: 0, text: PROMPT, candidates }], {
    scheduler: sessionScheduler(session, 'ddpm', STEPS),
    guidance: GUIDANCE,
    batch,
    rule,
  });
  for await (const _ of drawn);
}

export function freshAdapter(session: Session, rank: number, textEncoder: boolean): Adapter {
  return initAdapter('dora', rank, trainedTargets(session, textEncoder), 0);
}

export function emptyLatent({ latentShape: [h, w, c] }: Session): Float32Array {
  return new Float32Array(h * w * c);
}

/** One optimizer step of two micro-batches, from a fresh adapter to a checkpoint. */
export async function trainOnce(
  session: Session,
  samples: number,
  { rank, textEncoder, tuning, online }: Way & { rank: number; textEncoder: boolean },
): Promise<void> {
  const row = (): CaptionedLatent => ({ text: PROMPT, latent: emptyLatent(session) });
  // A method that picks among further rows has as many as it may name.
  const beside = tuning.pick === undefined ? tuning.objective.rows - 1 : MOST_ROWS;
  const set = Array.from(
    { length: samples },
    (): TrainItem => ({ ...row(), ...(beside === 0 ? {} : { beside: Array.from({ length: beside }, row) }) }),
  );
  const round = trainRound(session, set, [], null, {
    tuning,
    batch: samples,
    accumulation: ACCUMULATION,
    learningRate: 1e-4,
    warmup: 0,
    clip: 1,
    weightDecay: 1e-2,
    flushAtEpochEnd: false,
    kind: 'dora',
    rank,
    textEncoder,
    iterations: 1,
    checkpointEvery: 1,
    previewEvery: 0,
    seed: 0,
    origin: { round: 0, set: '', backend: 'webgpu', kernels: {} },
    source: online && ((from) => online({ ...onlineRequest(session, samples, { rank, textEncoder }), from })),
  });
  for await (const _ of round);
}

/**
 * A round of a method that draws while it trains. What it keeps for learning on the device grows with its images and
 * steps, of which there are few here: a value network's batch is small beside a network's activations.
 */
function onlineRequest(
  session: Session,
  samples: number,
  adapter: { readonly rank: number; readonly textEncoder: boolean },
): Omit<OnlineRequest, 'from'> {
  const { sampling, training, score } = presetSettings('paper');
  return {
    session,
    spec: {
      prompts: [PROMPT],
      sampling: { ...sampling, steps: STEPS, batch: samples },
      training: { ...training, batch: samples },
      adapter: { kind: 'dora', ...adapter },
    },
    score: { scheduler: sessionScheduler(session, 'ddpm', STEPS), score, meters: [] },
    guidance: GUIDANCE,
    prompts: [{ prompt: 0, text: PROMPT }],
    pool: [],
    poolModel: async () => null,
    seed: 0,
    signal: new AbortController().signal,
  };
}
