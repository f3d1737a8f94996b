/** Stage `evaluate`: what the adapter did to held-out prompts, before the user believes anything. */
import { restoreAdapter } from '../adapters/state.ts';
import type { EvaluationRecord, ExactMean, ExactScore } from '../contract/events.ts';
import { mean } from '../lib/stats.ts';
import { candidateSeed } from '../planning/promptPlan.ts';
import { decodeImages, exactScore } from '../procedures/decodeImages.ts';
import { drawPool } from '../procedures/drawPool.ts';
import { compareErrors } from '../procedures/evaluate.ts';
import { trainedTargets } from '../procedures/trainRound.ts';
import { applyAdapter, type Tuned } from '../procedures/tuned.ts';
import { loadSeries } from '../storage/series.ts';
import { pairedDifference } from './pairedDifference.ts';
import { Progress, patchRecord, pathGuidance, type RunContext, warn } from './runContext.ts';
import { candidateKey, scoresOfRound } from './scoring.ts';
import { trainingSets } from './selectStage.ts';
import { loadBest } from './trainStage.ts';

/** Most held-out prompts and images per prompt that are drawn again. */
export const EVALUATED = { prompts: 8, images: 4 } as const;

/** The run's best adapter, ready to draw with; null before training. The caller disposes. */
export async function bestTuned(
  run: Pick<RunContext, 'id' | 'spec' | 'session'>,
): Promise<{ tuned: Tuned; step: number } | null> {
  const best = await loadBest(run.id);
  if (best === null) return null;
  const adapter = restoreAdapter(best.adapter, trainedTargets(run.session, run.spec.adapter.textEncoder));
  return { tuned: await applyAdapter(run.session, adapter), step: best.step };
}

export async function runEvaluateStage(run: RunContext, round: number): Promise<void> {
  // The base model's own selection: in later rounds too, the question is what changed since the start.
  const { heldOut } = await trainingSets(run, 0);
  const found = await bestTuned(run);
  if (found === null) return;
  const { tuned, step } = found;
  try {
    if (heldOut.length === 0) {
      await warn(run, {
        code: 'nothing-held-out',
        message: 'No prompt was held out, so there is no evidence that training helped.',
        remedy: 'Start a run with a validation share above 0.',
      });
      return;
    }
    const images = heldOut.slice(0, EVALUATED.prompts);
    const exactPairs = run.shapesWorld ? heldOutPairs(run) : [];
    const total = 2 * images.length + exactPairs.length;
    const progress = new Progress(run, 'evaluate', { done: 0, total, unit: 'images' });
    const errors = await compareErrors(run.session, tuned, images, {
      batch: run.spec.sampling.batch,
      signal: run.signal,
      onImages: (done) => progress.report(done),
    });
    const exact = await compareExact(run, tuned, exactPairs, (done) =>
      progress.report(2 * images.length + done),
    );
    const record: EvaluationRecord = { round, adapterStep: step, ...errors, exact };
    await patchRecord(run, {
      evaluations: [...run.record.evaluations.filter((e) => e.round !== round), record],
    });
    run.emit({ type: 'evaluation', record });
  } finally {
    tuned.dispose();
  }
}

type Pair = { readonly prompt: number; readonly candidate: number };

function heldOutPairs(run: RunContext): Pair[] {
  const count = Math.min(EVALUATED.images, run.spec.selection.candidates);
  return run.plan
    .filter((p) => p.heldOut)
    .slice(0, EVALUATED.prompts)
    .flatMap(({ prompt }) => Array.from({ length: count }, (_, candidate) => ({ prompt, candidate })));
}

/** Exact scores of the base model's candidates, which the pool has, against new ones on the same seeds. */
async function compareExact(
  run: RunContext,
  tuned: Tuned,
  pairs: readonly Pair[],
  onImages: (done: number) => void,
): Promise<EvaluationRecord['exact']> {
  const stored = scoresOfRound(await loadSeries(run.id, 'scores'), 0);
  const prompts = [...new Set(pairs.map((p) => p.prompt))];
  const tasks = prompts.map((prompt) => {
    const planned = run.plan.find((p) => p.prompt === prompt) as RunContext['plan'][number];
    const candidates = pairs
      .filter((p) => p.prompt === prompt)
      .map(({ candidate }) => ({ candidate, seed: candidateSeed(run.spec, planned, candidate) }));
    return { prompt, text: planned.text, candidates };
  });
  const before: ExactScore[] = [];
  const after: ExactScore[] = [];
  let done = 0;
  const { batch } = run.spec.sampling;
  const { scheduler, rule, signal } = run;
  const options = { scheduler, rule, guidance: pathGuidance(run.spec), batch, signal };
  for await (const drawn of drawPool(run.session, tuned, tasks, options)) {
    const images = await decodeImages(
      run.session,
      drawn.map((c) => c.latent),
    );
    drawn.forEach((c, i) => {
      const was = stored.get(candidateKey(c.prompt, c.candidate))?.exact ?? null;
      const is = exactScore(
        images[i] as (typeof images)[number],
        run.spec.prompts[c.prompt] as string,
        run.shapesWorld,
      );
      if (was === null || is === null) return;
      before.push(was);
      after.push(is);
    });
    done += drawn.length;
    onImages(done);
  }
  if (before.length === 0) return null;
  const change = pairedDifference(
    after.map((s) => s.share),
    before.map((s) => s.share),
    run.spec.seed,
  );
  return { before: exactMean(before), after: exactMean(after), change };
}

function exactMean(scores: readonly ExactScore[]): ExactMean {
  return {
    share: mean(scores.map((s) => s.share)),
    strict: mean(scores.map((s) => (s.strict ? 1 : 0))),
    images: scores.length,
  };
}
