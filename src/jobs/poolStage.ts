/** Stage `pool`: draw every missing candidate of a round, score it, store it, show it. */

import type { CandidateRecord } from '../contract/events.ts';
import { measureImage } from '../metrics/metric.ts';
import { measureRenoised } from '../mi/renoiseScore.ts';
import { candidateSeed } from '../planning/promptPlan.ts';
import { decodeImages } from '../procedures/decodeImages.ts';
import { type DrawnCandidate, drawPool, type PoolTask } from '../procedures/drawPool.ts';
import { stackLatents } from '../procedures/measureSet.ts';
import { contextsOf, denoiserOf, type Tuned } from '../procedures/tuned.ts';
import type { PoolLog } from '../storage/poolLog.ts';
import type { ScoreEntry } from '../storage/runRecord.ts';
import { appendSeries } from '../storage/series.ts';
import { openPool, Progress, patchRecord, pathGuidance, type RunContext, warn } from './runContext.ts';
import {
  packMeasurements,
  renoisedDraws,
  type Scored,
  scoreOfMeasurements,
  scoreOfTrace,
} from './scoring.ts';

/** Noise of the re-noised path: the same for every candidate of every prompt. */
const RENOISE_SEED = 0x72656e6f;

/** @param tuned the adapter of the round before, or null in the first round */
export async function runPoolStage(run: RunContext, round: number, tuned: Tuned | null): Promise<void> {
  const lease = await openPool(run, round);
  const pool = lease.log;
  try {
    for (const report of pool.warnings) await warn(run, report);
    if (round === 0 && pool.size === 0) await warnOfLongPrompts(run);
    const tasks = missingTasks(run, pool);
    const missing = tasks.reduce((sum, task) => sum + task.candidates.length, 0);
    const total = run.plan.length * run.spec.selection.candidates;
    const steps = run.scheduler.timesteps.length;
    const stored = total - missing;
    const progress = new Progress(run, 'pool', { done: stored, total, unit: 'candidates' });
    await contextsOf(run.session, tuned).prepare(['', ...tasks.map((task) => task.text)], run.signal);
    const batches = drawPool(run.session, tuned, tasks, {
      scheduler: run.scheduler,
      guidance: pathGuidance(run.spec),
      rule: run.rule,
      batch: run.spec.sampling.batch,
      signal: run.signal,
      onSteps: (done) => progress.report(stored + done / steps),
    });
    for await (const batch of batches) {
      await storeBatch(run, round, pool, batch, tuned);
      await patchRecord(run, { progress: pool.size / total });
    }
  } finally {
    lease.close();
  }
}

/** The text encoder reads a fixed number of tokens and nothing after them. */
async function warnOfLongPrompts(run: RunContext): Promise<void> {
  const { tokenizer } = run.session.model;
  const long = run.plan.filter((p) => tokenizer.encode(p.text).dropped > 0);
  const first = long[0];
  if (first === undefined) return;
  await warn(run, {
    code: 'prompts-cut',
    message: `${long.length} of ${run.plan.length} prompts are longer than the ${tokenizer.maxTokens} tokens this model reads; the rest is ignored.`,
    where: first.text,
    remedy: 'Shorten them, or use a model that reads more.',
  });
}

/** What is not in the pool yet, in list order. */
function missingTasks(run: RunContext, pool: PoolLog): PoolTask[] {
  const { candidates } = run.spec.selection;
  return run.plan.flatMap((planned) => {
    const absent = Array.from({ length: candidates }, (_, j) => j).filter(
      (j) => !pool.has(planned.prompt, j),
    );
    if (absent.length === 0) return [];
    const seeded = absent.map((candidate) => ({
      candidate,
      seed: candidateSeed(run.spec, planned, candidate),
    }));
    return [{ prompt: planned.prompt, text: planned.text, candidates: seeded }];
  });
}

async function storeBatch(
  run: RunContext,
  round: number,
  pool: PoolLog,
  batch: readonly DrawnCandidate[],
  tuned: Tuned | null,
): Promise<void> {
  const text = run.spec.prompts[batch[0]?.prompt as number] as string;
  const images = run.session.policy.decodeAtOnce
    ? await decodeImages(
        run.session,
        batch.map((c) => c.latent),
      )
    : [];
  const scored = await scoreBatch(run, batch, text, tuned);
  const entries = batch.map((c, i): ScoreEntry => {
    const { score, standardError, terms } = scored[i] as (typeof scored)[number];
    const image = images[i];
    const metrics = image === undefined ? {} : measureImage(run.meters, image, text);
    return { round, prompt: c.prompt, candidate: c.candidate, score, standardError, metrics, terms };
  });
  // The latents last: a candidate counts as drawn once they are stored.
  await appendSeries(run.id, 'scores', entries);
  await pool.append(
    batch.map((c) => ({
      prompt: c.prompt,
      candidate: c.candidate,
      seed: c.seed,
      trace: Float32Array.from(c.squaredDifference),
      latent: c.latent,
    })),
  );
  const records = batch.map(
    (c, i): CandidateRecord => ({
      round,
      prompt: c.prompt,
      candidate: c.candidate,
      seed: c.seed,
      trace: { t: run.scheduler.timesteps, squaredDifference: c.squaredDifference },
      score: (entries[i] as ScoreEntry).score,
      standardError: (entries[i] as ScoreEntry).standardError,
      metrics: (entries[i] as ScoreEntry).metrics,
    }),
  );
  run.emit({ type: 'candidates', records, images });
}

async function scoreBatch(
  run: RunContext,
  batch: readonly DrawnCandidate[],
  text: string,
  tuned: Tuned | null,
): Promise<(Scored & { terms: Float32Array | null })[]> {
  const { score } = run.spec;
  const { schedule, prediction } = run.session;
  if (score.path !== 'renoise') {
    const { timesteps } = run.scheduler;
    return batch.map((c) => ({
      ...scoreOfTrace(schedule, timesteps, c.squaredDifference, score),
      terms: null,
    }));
  }
  const contexts = contextsOf(run.session, tuned);
  const latents = stackLatents(run.session, batch);
  const uncond = await contexts.rows(batch.map(() => ''));
  const cond = await contexts.rows(batch.map(() => text));
  const plan = renoisedDraws(run.scheduler.timesteps, score.noiseDraws);
  const denoiser = denoiserOf(run.session, tuned);
  const { signal } = run;
  try {
    const measured = await measureRenoised({
      denoiser,
      schedule,
      prediction,
      latents,
      uncond,
      cond,
      plan,
      seed: RENOISE_SEED,
      signal,
    });
    return measured.map((m) => ({ ...scoreOfMeasurements(schedule, m, score), terms: packMeasurements(m) }));
  } finally {
    for (const tensor of [latents, uncond, cond]) tensor.dispose();
  }
}
