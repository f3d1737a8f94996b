/** Stage `train`: fine-tune on the selection, with validation, checkpoints and previews. */
import { type Adapter, initAdapter } from '../adapters/adapter.ts';
import { restoreAdapter } from '../adapters/state.ts';
import type { RoundSelection, TrainRecord, ValidationRecord } from '../contract/events.ts';
import { PREVIEW_STEPS } from '../contract/judging.ts';
import { StudioError } from '../lib/errors.ts';
import { mean } from '../lib/stats.ts';
import { candidateSeed } from '../planning/promptPlan.ts';
import { decodeImages } from '../procedures/decodeImages.ts';
import { drawPool } from '../procedures/drawPool.ts';
import { sessionScheduler } from '../procedures/session.ts';
import type { OwnState, StepSource } from '../procedures/stepSource.ts';
import { type RoundEvent, type RoundOptions, trainedTargets, trainRound } from '../procedures/trainRound.ts';
import { applyAdapter, type Tuned } from '../procedures/tuned.ts';
import { type Checkpoint, isBetter } from '../training/checkpoint.ts';
import { Progress, patchRecord, pathGuidance, type RunContext, scoreOptions, warn } from './runContext.ts';
import { trainedPool, trainingSets } from './selectStage.ts';
import {
  type History,
  loadBest,
  loadTrainingState,
  selectionInForce,
  setName,
  type TrainedAdapter,
} from './trained.ts';

/** The most work of training that a crash can cost, beside the step at hand. */
const SAVE_SECONDS = 30;

export async function runTrainStage(run: RunContext, round: number): Promise<void> {
  // Its adapters start from its weights, and it runs in every step.
  const releaseText = run.spec.adapter.textEncoder ? await run.session.model.parts.text.hold(run) : null;
  try {
    await train(run, round);
  } finally {
    releaseText?.();
  }
}

async function train(run: RunContext, round: number): Promise<void> {
  const selection = selectionOfRound(run, round);
  const sets = await trainingSets(run, round);
  const { state, warnings } = await loadTrainingState(run.store, selection);
  for (const report of warnings) await warn(run, report);
  let best = state?.best ?? null;
  const history: History = state?.history ?? { train: [], validation: [] };
  await restoreHistory(run, selection, history);
  const start = state?.checkpoint ?? { adapter: await firstAdapter(run, round) };
  const { iterations } = run.spec.training;
  const from = state?.checkpoint.step ?? 0;
  const progress = new Progress(run, 'train', { done: from, total: iterations, unit: 'steps' });
  const { version } = selection;
  const waiting: TrainRecord[] = [];
  const keepWaiting = async (): Promise<void> => {
    const records = waiting.splice(0);
    history.train.push(...records);
    await run.store.series.append('train', records);
  };
  let savedAt = run.now();
  const options = roundOptions(run, selection);
  // Errors on held-out images choose among adapters that are trained to lower them.
  const heldOut = run.tuning.online === undefined ? sets.heldOut : [];
  for await (const event of trainRound(run.session, sets.train, heldOut, start, options)) {
    if (event.type === 'step') {
      const { loss, gradNorm, learningRate } = event.result;
      const record = { version, round, step: event.step, loss, gradNorm, learningRate };
      waiting.push(record);
      run.emit({ type: 'train', record });
      progress.report(event.step);
      if (event.save !== null && (run.signal.aborted || run.now() - savedAt > SAVE_SECONDS)) {
        await keepWaiting();
        await saveState(run, selection, best, { checkpoint: await event.save(), validation: null, history });
        savedAt = run.now();
      }
    } else if (event.type === 'checkpoint') {
      await keepWaiting();
      best = await storeCheckpoint(run, selection, event, best, history);
      savedAt = run.now();
    } else if (event.step > from || !(await run.store.previews.has({ version, round, step: event.step }))) {
      await showPreview(run, selection, event);
    }
  }
  if (best !== null && best.validation !== null && best.step === 0) {
    await warn(run, {
      code: 'training-no-better',
      message: `Round ${round + 1}: no checkpoint was better than the start on the held-out images.`,
      remedy:
        'The best adapter is the one training began with; the trained one is the last adapter. Try more images or steps.',
    });
  }
}

function selectionOfRound(run: RunContext, round: number): RoundSelection {
  return selectionInForce(run.record, round) ?? { version: 0, round, picks: [] };
}

/** The round's first adapter: fresh, or what the round before found best. */
async function firstAdapter(run: RunContext, round: number): Promise<Adapter> {
  const { adapter, training, seed } = run.spec;
  const targets = trainedTargets(run.session, adapter.textEncoder);
  if (round > 0 && !training.freshAdapterEachRound) {
    const best = await bestOfRound(run, round - 1);
    if (best !== null) return restoreAdapter(best.adapter, targets);
  }
  return initAdapter(adapter.kind, adapter.rank, targets, seed);
}

/** A trained adapter, ready to draw with. The caller disposes. */
export function tune(
  { session, spec }: Pick<RunContext, 'spec' | 'session'>,
  { adapter }: TrainedAdapter,
): Promise<Tuned> {
  return applyAdapter(session, restoreAdapter(adapter, trainedTargets(session, spec.adapter.textEncoder)));
}

/** The best adapter of a round; where it is damaged or gone, it is trained again first. */
export async function bestOfRound(run: RunContext, round: number): Promise<TrainedAdapter | null> {
  const found = await loadBest(run.store, selectionOfRound(run, round));
  if (found !== null) return found;
  await runTrainStage(run, round);
  return loadBest(run.store, selectionOfRound(run, round));
}

function roundOptions(run: RunContext, selection: RoundSelection): RoundOptions {
  const { adapter, training, seed } = run.spec;
  const { round } = selection;
  return {
    ...training,
    ...adapter,
    // Another order and other noises in every round.
    seed: seed + round,
    origin: { round, set: setName(selection), backend: run.backend, kernels: { ...run.kernels } },
    tuning: run.tuning.tuning,
    source: run.tuning.online === undefined ? undefined : (from) => onlineSource(run, round, from),
    signal: run.signal,
  };
}

/** The micro-batches of a method that draws while it trains. */
async function onlineSource(run: RunContext, round: number, from: OwnState | null): Promise<StepSource> {
  const { online } = run.tuning;
  if (online === undefined) throw new RangeError(`${run.chosen.method.name} trains on a set`);
  const { session, spec, plan, signal } = run;
  return online({
    session,
    spec,
    score: scoreOptions(run),
    guidance: pathGuidance(spec),
    prompts: plan.filter(({ heldOut }) => !heldOut),
    pool: await trainedPool(run, round),
    poolModel: async () => {
      const best = round === 0 ? null : await bestOfRound(run, round - 1);
      return best === null ? null : tune(run, best);
    },
    seed: spec.seed + round,
    from,
    signal,
  });
}

/** Puts the histories in accord with the state that training goes on from; without one the version's are emptied. */
async function restoreHistory(run: RunContext, selection: RoundSelection, history: History): Promise<void> {
  const { version, round } = selection;
  const isOther = (r: { readonly version: number; readonly round: number }): boolean =>
    r.version !== version || r.round !== round;
  const { series } = run.store;
  await series.replace('train', [...(await series.load('train')).filter(isOther), ...history.train]);
  await series.replace('validation', [
    ...(await series.load('validation')).filter(isOther),
    ...history.validation,
  ]);
}

async function storeCheckpoint(
  run: RunContext,
  selection: RoundSelection,
  { checkpoint, validation }: Extract<RoundEvent, { type: 'checkpoint' }>,
  best: TrainedAdapter | null,
  history: History,
): Promise<TrainedAdapter> {
  const { version, round } = selection;
  const { step, adapter } = checkpoint;
  const measured = validation === null ? null : { errors: [...validation.errors], mi: validation.mi };
  const { keepLast } = run.spec.training;
  const better = measured === null || keepLast || isBetter(measured, best?.validation ?? null);
  const next: TrainedAdapter =
    better || best === null ? { round, step, adapter, validation: measured } : best;
  if (measured !== null) {
    const record: ValidationRecord = {
      version,
      round,
      step,
      loss: mean(measured.errors),
      mi: measured.mi,
      best: better,
    };
    history.validation.push(record);
    await run.store.series.append('validation', [record]);
    run.emit({ type: 'validation', record });
  }
  await saveState(run, selection, next, { checkpoint, validation: measured, history });
  await patchRecord(run, { progress: step / run.spec.training.iterations });
  run.emit({ type: 'checkpoint', round, step });
  return next;
}

/** Stored last in a step: whatever the series hold beyond it is made again when training resumes. */
async function saveState(
  run: RunContext,
  { version, round }: RoundSelection,
  best: TrainedAdapter | null,
  state: {
    readonly checkpoint: Checkpoint;
    readonly validation: TrainedAdapter['validation'];
    readonly history: History;
  },
): Promise<void> {
  const { step } = state.checkpoint;
  await run.store.checkpoints.save(
    { version, round, step, best: best?.step ?? null, resumable: true },
    state,
  );
}

/** One image of a held-out prompt (or the first) with the adapter as it stands, on the seed of its first candidate. */
async function showPreview(
  run: RunContext,
  { version, round }: RoundSelection,
  event: Extract<RoundEvent, { type: 'preview' }>,
): Promise<void> {
  const planned = run.plan.find((p) => p.heldOut) ?? run.plan[0];
  if (planned === undefined)
    throw new StudioError('prompts-empty', 'The run has no prompts.', { remedy: 'Give a prompt list.' });
  const { scheduler, steps } = run.spec.sampling;
  const task = { ...planned, candidates: [{ candidate: 0, seed: candidateSeed(run.spec, planned, 0) }] };
  const drawn = drawPool(run.session, event.tuned, [task], {
    scheduler: sessionScheduler(run.session, scheduler, Math.min(steps, PREVIEW_STEPS)),
    guidance: pathGuidance(run.spec),
    rule: run.rule,
    batch: 1,
    signal: run.signal,
  });
  for await (const batch of drawn) {
    for (const image of await decodeImages(
      run.session,
      batch.map((c) => c.latent),
    )) {
      const preview = { version, round, step: event.step, prompt: planned.text, image };
      await run.store.previews.save(preview);
      run.emit({ type: 'preview', preview });
    }
  }
}
