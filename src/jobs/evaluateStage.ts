/**
 * Stage `evaluate`: what the adapter, or the way of drawing, changed: measured, so that
 * nobody has to take it on trust.
 */
import type {
  EvaluationRecord,
  Interval,
  Measured,
  MetricChange,
  MetricMean,
  MetricRecord,
} from '../contract/events.ts';
import { EVALUATED } from '../contract/judging.ts';
import { mean, pairedBootstrap } from '../lib/stats.ts';
import { guidanceRule } from '../procedures/drawRule.ts';
import { compareErrors } from '../procedures/evaluate.ts';
import type { PoolRef } from '../storage/poolLog.ts';
import { drawEvaluated } from './evaluatedImages.ts';
import { Progress, patchRecord, type RunContext, warn } from './runContext.ts';
import { trainingSets } from './selectStage.ts';
import { selectionInForce } from './trained.ts';
import { bestOfRound, tune } from './trainStage.ts';

export async function runEvaluateStage(run: RunContext, round: number): Promise<void> {
  if (!run.chosen.method.stages.includes('train')) return evaluateDrawing(run, round);
  // The base model's own selection: in later rounds too, the question is what changed since the start.
  const { heldOut } = await trainingSets(run, 0);
  const best = await bestOfRound(run, round);
  if (best === null) return;
  const version = selectionInForce(run.record, round)?.version ?? 0;
  const tuned = await tune(run, best);
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
    const fresh = run.meters.length > 0 ? heldOutPairs(run) : [];
    const total = 2 * images.length + fresh.length;
    const progress = new Progress(run, 'evaluate', { done: 0, total, unit: 'images' });
    const errors = await compareErrors(run.session, tuned, images, {
      batch: run.spec.sampling.batch,
      signal: run.signal,
      onImages: (done) => progress.report(done),
    });
    const { rule } = run;
    const model = { version, round, step: best.step, tuned, rule };
    const measured = await drawEvaluated(run, model, fresh, (done) =>
      progress.report(2 * images.length + done),
    );
    const metrics = compareMetrics(
      run,
      measured.map(({ pool, drawn }) => ({ before: pool, after: drawn })),
    );
    await storeEvaluation(run, { version, round, adapterStep: best.step, ...errors, metrics });
  } finally {
    tuned.dispose();
  }
}

/** A method that trains nothing: the run's pictures against those that guidance alone draws from the same seeds. */
async function evaluateDrawing(run: RunContext, round: number): Promise<void> {
  const refs = firstCandidates(run, run.plan);
  const progress = new Progress(run, 'evaluate', { done: 0, total: refs.length, unit: 'images' });
  const measured = await drawEvaluated(
    run,
    { version: 0, round, step: 0, tuned: null, rule: guidanceRule },
    refs,
    (done) => progress.report(done),
  );
  if (measured.length === 0) return;
  const metrics = compareMetrics(
    run,
    measured.map(({ pool, drawn }) => ({ before: drawn, after: pool })),
  );
  const before = measured.map(({ scores }) => scores.drawn);
  const after = measured.map(({ scores }) => scores.pool);
  const mi = {
    before: mean(before),
    after: mean(after),
    change: pairedDifference(after, before, run.spec.seed),
  };
  await storeEvaluation(run, { version: 0, round, adapterStep: 0, errorFall: null, mi, metrics });
}

async function storeEvaluation(run: RunContext, record: EvaluationRecord): Promise<void> {
  const { evaluations } = run.record;
  const others = evaluations.filter((e) => e.round !== record.round || e.version !== record.version);
  await patchRecord(run, { evaluations: [...others, record] });
  run.emit({ type: 'evaluation', record });
}

function heldOutPairs(run: RunContext): PoolRef[] {
  return firstCandidates(
    run,
    run.plan.filter((p) => p.heldOut),
  );
}

/** The first candidates of the first prompts. */
function firstCandidates(run: RunContext, plan: RunContext['plan']): PoolRef[] {
  const count = Math.min(EVALUATED.images, run.spec.selection.candidates);
  return plan
    .slice(0, EVALUATED.prompts)
    .flatMap(({ prompt }) => Array.from({ length: count }, (_, candidate) => ({ prompt, candidate })));
}

type Change = { readonly before: MetricRecord; readonly after: MetricRecord };

/** What changed on the same seeds, for every metric that measured both. */
function compareMetrics(run: RunContext, measured: readonly Change[]): EvaluationRecord['metrics'] {
  return Object.fromEntries(
    run.meters.flatMap(({ metric: { name } }) => {
      const pairs = measured.flatMap(({ before, after }) => {
        const [b, a] = [before[name], after[name]];
        return b === undefined || a === undefined ? [] : [{ before: b, after: a }];
      });
      return pairs.length === 0 ? [] : [[name, changeOf(pairs, run.spec.seed)]];
    }),
  );
}

function changeOf(
  pairs: readonly { readonly before: Measured; readonly after: Measured }[],
  seed: number,
): MetricChange {
  const before = pairs.map((pair) => pair.before);
  const after = pairs.map((pair) => pair.after);
  const change = pairedDifference(
    after.map((m) => m.value),
    before.map((m) => m.value),
    seed,
  );
  return { before: meanOf(before), after: meanOf(after), change };
}

function meanOf(measured: readonly Measured[]): MetricMean {
  const keys = Object.keys(measured[0]?.parts ?? {});
  return {
    value: mean(measured.map((m) => m.value)),
    parts: Object.fromEntries(keys.map((key) => [key, mean(measured.map((m) => m.parts?.[key] ?? 0))])),
    images: measured.length,
  };
}

/** Mean of a - b over pairs with its 95% bootstrap interval. */
function pairedDifference(a: readonly number[], b: readonly number[], seed: number): Interval {
  const { estimate, low, high } = pairedBootstrap(a, b, { seed });
  return { mean: estimate, low, high };
}
