/** A run from start to end: rounds of its method's stages, each resumable, in one loop. */

import { ROUND_STAGES, type RoundStage, type StageName } from '../contract/events.ts';
import { StudioError } from '../lib/errors.ts';
import { metricOf } from '../metrics/registry.ts';
import type { ComputedBy, RunHead } from '../storage/runRecord.ts';
import { runEvaluateStage } from './evaluateStage.ts';
import { isPoolComplete, runPoolStage } from './poolStage.ts';
import { runRealImagesStage } from './realImagesStage.ts';
import { type JobTools, openRun, patchRecord, type RunContext, warn } from './runContext.ts';
import { runSelectStage } from './selectStage.ts';
import { bestOfRound, runTrainStage, tune } from './trainStage.ts';

/**
 * Works on a run until stage `until` of its current round is complete (`done`: until everything is), or until the
 * signal fires. Everything that was finished is stored by then.
 *
 * @throws StudioError of the stage that failed; the run keeps what it has and can be resumed
 */
export async function runJob(until: StageName, tools: JobTools): Promise<RunHead> {
  const run = await openRun(tools);
  if (run.plan.length === 0) {
    throw new StudioError('prompts-empty', 'The run has no prompts.', {
      remedy: 'Give a prompt list with at least one prompt.',
    });
  }
  await checkReward(run);
  const startRound = run.record.round;
  await patchRecord(run, { status: 'running' });
  await recordMachine(run);
  // Earlier stages mend what they need; after these two there may be no further stage to do so.
  if (run.record.stage === 'evaluate' || run.record.stage === 'done') await repair(run);
  while (run.record.stage !== 'done') {
    const { round } = run.record;
    const stage = stageOf(run.record.stage);
    if (until !== 'done' && (round > startRound || isAfter(stage, stageOf(until)))) break;
    // A new run is still at `load`; a stage that was interrupted goes on from its own progress.
    if (run.record.stage !== stage) await patchRecord(run, { stage, progress: 0 });
    run.emit({ type: 'stage', stage, round });
    run.progress = run.record.progress;
    await timed(run, stage, () => runStage(run, stage, round));
    await patchRecord(run, next(run, stage, round));
  }
  await patchRecord(run, { status: run.record.stage === 'done' ? 'done' : 'paused' });
  if (run.record.stage === 'done') run.emit({ type: 'stage', stage: 'done', round: run.record.round });
  return run.record;
}

/** A reward that nothing measures is reported before the first image is drawn, not after the last. */
async function checkReward(run: RunContext): Promise<void> {
  const { method, options } = run.chosen;
  const reward = options.reward as string;
  if (!method.needs.reward || reward === 'mi' || reward === 'file') return;
  if (run.meters.some(({ metric }) => metric.name === reward)) return;
  const scores = await run.store.series.load('scores');
  if (run.tuning.online === undefined && scores.some(({ metrics }) => metrics[reward] !== undefined)) return;
  throw new StudioError(
    'reward-not-measured',
    `${method.title} is to be rewarded by ${metricOf(reward)?.title ?? reward}, which does not measure this run’s images.`,
    {
      where: 'method.reward',
      remedy: 'Switch the metric on among the run’s metrics, or choose mutual information as the reward.',
    },
  );
}

/** Keeps what a run was begun on, and says so where it continues on something else. */
async function recordMachine(run: RunContext): Promise<void> {
  const { backend, kernels } = run;
  const { computedBy } = run.record;
  if (computedBy === undefined) {
    await patchRecord(run, { computedBy: { backend, kernels } });
  } else if (keyOf(computedBy) !== keyOf(run)) {
    await warn(run, {
      code: 'backend-changed',
      message: `The run was begun on ${computedBy.backend} and continues on ${backend} or with other kernels.`,
      remedy:
        'The result is as good, but not the same to the last bit. To get the same bits, choose the first backend.',
    });
  }
}

function keyOf({ backend, kernels }: ComputedBy): string {
  return JSON.stringify([backend, Object.entries(kernels).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

async function runStage(run: RunContext, stage: RoundStage, round: number): Promise<void> {
  switch (stage) {
    case 'pool':
      return completePool(run, round);
    case 'real-images':
      return round === 0 ? runRealImagesStage(run) : undefined;
    case 'select':
      await completePool(run, round);
      return runSelectStage(run, round);
    case 'train':
      await completePool(run, round);
      return runTrainStage(run, round);
    case 'evaluate':
      await repair(run);
      return runEvaluateStage(run, round);
    default:
      return stage satisfies never;
  }
}

/** What damage or a power cut took of a run since its last round was trained is made again. */
async function repair(run: RunContext): Promise<void> {
  for (let round = 0; round <= run.record.round; round++) await completePool(run, round);
  // Where the adapter is there, intact and trained to the end, nothing is left to train.
  if (trains(run)) await runTrainStage(run, run.record.round);
}

function trains(run: RunContext): boolean {
  return run.chosen.method.stages.includes('train');
}

/** Draws and scores what damage or a power cut took of a round's pool since it was complete. */
async function completePool(run: RunContext, round: number): Promise<void> {
  if (await isPoolComplete(run, round)) return;
  const best = round === 0 ? null : await bestOfRound(run, round - 1);
  const tuned = best === null ? null : await tune(run, best);
  try {
    await runPoolStage(run, round, tuned);
  } finally {
    tuned?.dispose();
  }
}

function next(
  run: RunContext,
  stage: RoundStage,
  round: number,
): { stage: StageName; round: number; progress: number } {
  const { stages } = run.chosen.method;
  const following = stages.find((candidate) => isAfter(candidate, stage));
  if (following !== undefined) return { stage: following, round, progress: 0 };
  // Without training another round would draw the same images again.
  const more = trains(run) && round + 1 < run.spec.selection.rounds;
  return more ? { stage: 'pool', round: round + 1, progress: 0 } : { stage: 'done', round, progress: 1 };
}

function isAfter(a: RoundStage, b: RoundStage): boolean {
  return ROUND_STAGES.indexOf(a) > ROUND_STAGES.indexOf(b);
}

/** Stores the time spent and how far the stage is, also when the work was cut short. */
async function timed(run: RunContext, stage: RoundStage, work: () => Promise<void>): Promise<void> {
  const from = run.now();
  try {
    await work();
  } finally {
    const { seconds } = run.record;
    await patchRecord(run, {
      seconds: { ...seconds, [stage]: (seconds[stage] ?? 0) + run.now() - from },
      progress: run.progress,
    });
  }
}

/** `load` and `new` runs begin with the pool. */
function stageOf(stage: StageName): RoundStage {
  return ROUND_STAGES.find((s) => s === stage) ?? (stage === 'done' ? 'evaluate' : 'pool');
}
