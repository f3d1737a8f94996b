/** Stage `train`: fine-tune on the selection, with validation, checkpoints and previews. */
import * as v from 'valibot';
import { type Adapter, initAdapter } from '../adapters/adapter.ts';
import { type AdapterState, adapterStateSchema, restoreAdapter } from '../adapters/state.ts';
import type { TrainRecord, ValidationRecord } from '../contract/events.ts';
import { StudioError } from '../lib/errors.ts';
import { mean } from '../lib/stats.ts';
import { candidateSeed } from '../planning/promptPlan.ts';
import { decodeImages } from '../procedures/decodeImages.ts';
import { drawPool } from '../procedures/drawPool.ts';
import { sessionScheduler } from '../procedures/session.ts';
import { type RoundEvent, type RoundOptions, trainedTargets, trainRound } from '../procedures/trainRound.ts';
import type { RunStore } from '../storage/runStore.ts';
import { isBetter } from '../training/best.ts';
import { type Checkpoint, parseCheckpoint } from '../training/checkpoint.ts';
import { Progress, patchRecord, pathGuidance, type RunContext, warn } from './runContext.ts';
import { trainingSets } from './selectStage.ts';

/** The most work of training that a crash can cost, beside the step at hand. */
const SAVE_SECONDS = 30;

/** Most sampling steps of a preview: enough to see where training goes. */
export const PREVIEW_STEPS = 20;

const bestSchema = v.object({
  round: v.number(),
  step: v.number(),
  adapter: adapterStateSchema,
  validation: v.nullable(v.object({ errors: v.array(v.number()), mi: v.number() })),
});
/** The adapter that is exported, evaluated and drawn with in the next round. */
export type BestAdapter = v.InferOutput<typeof bestSchema>;

/** The best adapter of the last trained round; null before any training. */
export async function loadBest(store: RunStore): Promise<BestAdapter | null> {
  const parsed = v.safeParse(bestSchema, await store.checkpoints.load('best'));
  return parsed.success ? parsed.output : null;
}

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
  const sets = await trainingSets(run, round);
  const stored = await run.store.checkpoints.load('last');
  const last = stored === undefined ? null : parseCheckpoint(stored);
  // A selection that was changed since starts its round anew.
  const resumed = last?.round === round && last.set === setName(run, round) ? last : null;
  let best = await loadBest(run.store);
  await cutHistory(run, round, resumed?.step ?? null);
  const start = resumed ?? startOfRound(run, round, best);
  if (resumed === null) best = null;
  const { iterations } = run.spec.training;
  const progress = new Progress(run, 'train', { done: resumed?.step ?? 0, total: iterations, unit: 'steps' });
  const waiting: TrainRecord[] = [];
  let savedAt = run.now();
  for await (const event of trainRound(
    run.session,
    sets.train,
    sets.heldOut,
    start,
    roundOptions(run, round),
  )) {
    if (event.type === 'step') {
      const { loss, gradNorm, learningRate } = event.result;
      const record = { round, step: event.step, loss, gradNorm, learningRate };
      waiting.push(record);
      run.emit({ type: 'train', record });
      progress.report(event.step);
      if (event.save !== null && (run.signal.aborted || run.now() - savedAt > SAVE_SECONDS)) {
        await run.store.series.append('train', waiting.splice(0));
        await run.store.checkpoints.save({ last: await event.save() });
        savedAt = run.now();
      }
    } else if (event.type === 'checkpoint') {
      best = await storeCheckpoint(run, round, event, best, waiting.splice(0));
      savedAt = run.now();
    } else {
      await showPreview(run, round, event);
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

/** The round's first adapter: fresh, or what the round before found best. */
function startOfRound(run: RunContext, round: number, best: BestAdapter | null): { adapter: Adapter } {
  const { adapter, training, seed } = run.spec;
  const targets = trainedTargets(run.session, adapter.textEncoder);
  if (round > 0 && !training.freshAdapterEachRound && best !== null) {
    return { adapter: restoreAdapter(best.adapter, targets) };
  }
  return { adapter: initAdapter(adapter.kind, adapter.rank, targets, seed) };
}

function roundOptions(run: RunContext, round: number): RoundOptions {
  const { adapter, training, seed } = run.spec;
  return {
    ...training,
    ...adapter,
    // Another order and other noises in every round.
    seed: seed + round,
    origin: { round, set: setName(run, round), backend: run.backend, kernels: { ...run.kernels } },
    signal: run.signal,
  };
}

/** The round's selection in short, `prompt/candidate` for each image. */
function setName(run: RunContext, round: number): string {
  const picks = run.record.selections.find((s) => s.round === round)?.picks ?? [];
  return picks.map(({ prompt, candidate }) => `${prompt}/${candidate}`).join(' ');
}

/** History after the checkpoint is made again; without one, all of the round's. */
async function cutHistory(run: RunContext, round: number, step: number | null): Promise<void> {
  for (const name of ['train', 'validation'] as const) {
    const records: readonly { round: number; step: number }[] = await run.store.series.load(name);
    await run.store.series.cut(
      name,
      records.filter((r) => r.round < round || (step !== null && r.round === round && r.step <= step)).length,
    );
  }
}

async function storeCheckpoint(
  run: RunContext,
  round: number,
  event: Extract<RoundEvent, { type: 'checkpoint' }>,
  best: BestAdapter | null,
  records: readonly TrainRecord[],
): Promise<BestAdapter> {
  const { checkpoint, validation } = event;
  const better = validation === null || isBetter(validation, best?.validation ?? null);
  const next: BestAdapter = better ? bestFrom(checkpoint, validation) : (best as BestAdapter);
  await run.store.series.append('train', records);
  if (validation !== null) {
    const record: ValidationRecord = {
      round,
      step: checkpoint.step,
      loss: mean(validation.errors),
      mi: validation.mi,
      best: better,
    };
    await run.store.series.append('validation', [record]);
    run.emit({ type: 'validation', record });
  }
  // Last: what the histories hold beyond the checkpoint is cut when training resumes.
  await run.store.checkpoints.save(better ? { last: checkpoint, best: next } : { last: checkpoint });
  await patchRecord(run, { progress: checkpoint.step / run.spec.training.iterations });
  run.emit({ type: 'checkpoint', round, step: checkpoint.step });
  return next;
}

function bestFrom(
  { round, step, adapter }: Checkpoint & { adapter: AdapterState },
  validation: { readonly errors: readonly number[]; readonly mi: number } | null,
): BestAdapter {
  return {
    round,
    step,
    adapter,
    validation: validation === null ? null : { errors: [...validation.errors], mi: validation.mi },
  };
}

/** One image of a held-out prompt (or the first) with the adapter as it stands, on the seed of its first candidate. */
async function showPreview(
  run: RunContext,
  round: number,
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
      run.emit({ type: 'preview', round, step: event.step, prompt: planned.text, image });
    }
  }
}
