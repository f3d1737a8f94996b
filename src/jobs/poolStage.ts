/** Stage `pool`: draw every missing candidate of a round, score every candidate that has no score, store, show. */

import type { CandidateRecord, StoppedRecord } from '../contract/events.ts';
import type { Meter } from '../metrics/metric.ts';
import { candidateSeed } from '../planning/promptPlan.ts';
import { drawAndScore, type ScoredCandidate, scoreCandidates } from '../procedures/drawAndScore.ts';
import type { DrawnCandidate, StoppedCandidate } from '../procedures/drawJob.ts';
import type { PoolTask } from '../procedures/drawPool.ts';
import type { Tuned } from '../procedures/tuned.ts';
import { type PoolEntry, type PoolLog, poolPath } from '../storage/poolLog.ts';
import { lostReport } from '../storage/pools.ts';
import { openDecision, type StoppedOfRound, stoppedOfRound, type Thinning, thinningOf } from './earlyStop.ts';
import { measurePool, unmeasuredEntries } from './measurePool.ts';
import { candidateKey, scoresOfRound } from './rankPool.ts';
import {
  openPool,
  Progress,
  patchRecord,
  pathGuidance,
  type RunContext,
  scoreOptions,
  tellWarnings,
  warn,
} from './runContext.ts';

/** @param tuned the adapter of the round before, or null in the first round */
export async function runPoolStage(run: RunContext, round: number, tuned: Tuned | null): Promise<void> {
  const lease = await openPool(run, round);
  const pool = lease.log;
  try {
    await tellWarnings(run);
    if (pool.size === 0 && (await hadImages(run, round)))
      await warn(run, lostReport(poolPath(run.store.id, round)));
    if (round === 0 && pool.size === 0) await warnOfLongPrompts(run);
    await scoreStored(run, round, pool, tuned);
    const thinning = thinningOf(run);
    const tasks = missingTasks(run, pool, await stoppedOfRound(run.store, round), thinning);
    const missing = tasks.reduce((sum, task) => sum + task.candidates.length, 0);
    const total = run.plan.length * run.spec.selection.candidates;
    const steps = run.scheduler.timesteps.length;
    const settled = total - missing;
    let since = 0;
    const onStopped = async (stopped: readonly StoppedCandidate[]): Promise<void> => {
      await storeStopped(run, round, stopped);
      since += stopped.length;
    };
    const progress = new Progress(run, 'pool', { done: settled, total, unit: 'candidates' });
    const batches = drawAndScore(run.session, tuned, tasks, {
      ...scoreOptions(run),
      guidance: pathGuidance(run.spec),
      rule: run.rule,
      crew: run.crew,
      batch: run.spec.sampling.batch,
      stop: thinning === null ? undefined : { ...thinning, onStopped },
      onSteps: (done) => progress.report(settled + done / steps),
    });
    for await (const batch of batches) {
      await storeCandidates(run, round, pool, batch);
      since += batch.length;
      await patchRecord(run, { progress: (settled + since) / total });
    }
    if (measuresLater(run)) await measureDrawn(run, round, pool);
  } finally {
    lease.close();
  }
}

/** Whether images of the round were stored before: a stay that ended in the first batch has made progress and stored none. */
async function hadImages({ record, store }: RunContext, round: number): Promise<boolean> {
  if (record.stage !== 'pool' || record.round > round) return true;
  return record.progress > 0 && scoresOfRound(await store.series.load('scores'), round).size > 0;
}

/** True if every candidate of the round is stored and scored. */
export async function isPoolComplete(run: RunContext, round: number): Promise<boolean> {
  const lease = await openPool(run, round);
  try {
    await tellWarnings(run);
    const stopped = await stoppedOfRound(run.store, round);
    if (missingTasks(run, lease.log, stopped, thinningOf(run)).length > 0) return false;
    if ((await unscoredEntries(run, round, lease.log)).length > 0) return false;
    return !measuresLater(run) || (await openMeters(run, round, lease.log)).length === 0;
  } finally {
    lease.close();
  }
}

/** True where images are not decoded as they are drawn: there metrics measure them when all are there. */
function measuresLater({ session }: RunContext): boolean {
  return !session.policy.decodeAtOnce;
}

/** Metrics that have not measured every image. */
async function openMeters(run: RunContext, round: number, pool: PoolLog): Promise<readonly Meter[]> {
  const open: Meter[] = [];
  const of = { store: run.store, prompts: run.spec.prompts, round, pool };
  for (const meter of run.meters) if ((await unmeasuredEntries(of, meter)).length > 0) open.push(meter);
  return open;
}

async function measureDrawn(run: RunContext, round: number, pool: PoolLog): Promise<void> {
  const { session, store, signal } = run;
  const of = { session, store, prompts: run.spec.prompts, round, pool };
  for (const meter of await openMeters(run, round, pool)) {
    const seeds = new Map(pool.entries().map((e) => [candidateKey(e.prompt, e.candidate), e.seed]));
    let progress: Progress | null = null;
    await measurePool(of, meter, {
      signal,
      onStored: (entries, done, total) => {
        progress ??= new Progress(run, 'pool', { done: 0, total, unit: 'images' });
        progress.report(done);
        const drawn = entries.map((entry) => ({
          ...entry,
          seed: seeds.get(candidateKey(entry.prompt, entry.candidate)) as number,
          squaredDifference: [...pool.trace(entry)],
          image: null,
        }));
        show(run, round, drawn);
      },
    });
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

/** What is neither in the pool yet nor stopped early, in list order. */
function missingTasks(
  run: RunContext,
  pool: PoolLog,
  stopped: StoppedOfRound,
  thinning: Thinning | null,
): PoolTask[] {
  const { candidates } = run.spec.selection;
  return run.plan.flatMap((planned) => {
    const absent = Array.from({ length: candidates }, (_, j) => j).filter(
      (j) => !pool.has(planned.prompt, j) && !stopped.has(candidateKey(planned.prompt, j)),
    );
    if (absent.length === 0) return [];
    const seeded = absent.map((candidate) => ({
      candidate,
      seed: candidateSeed(run.spec, planned, candidate),
    }));
    const thin = openDecision(planned, thinning, candidates, { pool, stopped });
    return [{ prompt: planned.prompt, text: planned.text, candidates: seeded, thin }];
  });
}

/** Scores what the pool has and the scores lack: what was stored of them last may be lost when the power goes. */
async function scoreStored(
  run: RunContext,
  round: number,
  pool: PoolLog,
  tuned: Tuned | null,
): Promise<void> {
  const unscored = await unscoredEntries(run, round, pool);
  const { batch } = run.spec.sampling;
  for (const prompt of new Set(unscored.map((e) => e.prompt))) {
    const own = unscored.filter((e) => e.prompt === prompt);
    for (let from = 0; from < own.length; from += batch) {
      run.signal.throwIfAborted();
      const drawn = own.slice(from, from + batch).map(
        (e): DrawnCandidate => ({
          prompt,
          candidate: e.candidate,
          seed: e.seed,
          latent: pool.latents([e]),
          squaredDifference: [...pool.trace(e)],
        }),
      );
      const text = run.spec.prompts[prompt] as string;
      const scored = await scoreCandidates(run.session, tuned, drawn, text, scoreOptions(run));
      await storeScores(run, round, scored);
      show(run, round, scored);
    }
  }
}

async function unscoredEntries(run: RunContext, round: number, pool: PoolLog): Promise<readonly PoolEntry[]> {
  const scores = scoresOfRound(await run.store.series.load('scores'), round);
  return pool.entries().filter((e) => !scores.has(candidateKey(e.prompt, e.candidate)));
}

/** Before any of those that go on is stored: where these are, the decision is known. */
async function storeStopped(
  run: RunContext,
  round: number,
  stopped: readonly StoppedCandidate[],
): Promise<void> {
  const records = stopped.map((candidate): StoppedRecord => ({ round, ...candidate }));
  await run.store.series.append('stopped', records);
  run.emit({ type: 'stopped-early', records });
}

/** Stores a batch and shows it. The latents last: a candidate counts as drawn once they are stored. */
async function storeCandidates(
  run: RunContext,
  round: number,
  pool: PoolLog,
  batch: readonly ScoredCandidate[],
): Promise<void> {
  await storeScores(run, round, batch);
  await pool.append(
    batch.map(({ prompt, candidate, seed, squaredDifference, latent }) => ({
      prompt,
      candidate,
      seed,
      trace: Float32Array.from(squaredDifference),
      latent,
    })),
  );
  show(run, round, batch);
}

function storeScores(run: RunContext, round: number, batch: readonly ScoredCandidate[]): Promise<void> {
  return run.store.series.append(
    'scores',
    batch.map(({ prompt, candidate, score, standardError, metrics, terms }) => ({
      round,
      prompt,
      candidate,
      score,
      standardError,
      metrics,
      terms,
    })),
  );
}

function show(
  run: RunContext,
  round: number,
  batch: readonly Omit<ScoredCandidate, 'latent' | 'terms'>[],
): void {
  const records = batch.map(
    ({ prompt, candidate, seed, squaredDifference, score, standardError, metrics }): CandidateRecord => ({
      round,
      prompt,
      candidate,
      seed,
      trace: { t: run.scheduler.timesteps, squaredDifference },
      score,
      standardError,
      metrics,
    }),
  );
  run.emit({
    type: 'candidates',
    records,
    images: batch.flatMap(({ image }) => (image === null ? [] : [image])),
  });
}
