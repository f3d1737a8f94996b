/**
 * Images by which a run was judged. One side are candidates of the first pool; the other (the adapter's, or those of
 * guidance alone where the run's method is a way of drawing) lie in a pool log of their own, so that the evaluation
 * resumes where it stopped and its pictures can still be looked at later.
 */
import type { MetricRecord, PixelImage } from '../contract/events.ts';
import type { ComparePair } from '../contract/protocol.ts';
import type { Meter } from '../metrics/metric.ts';
import { candidateSeed } from '../planning/promptPlan.ts';
import { decodeImages } from '../procedures/decodeImages.ts';
import { drawPool, type PoolTask } from '../procedures/drawPool.ts';
import type { DrawRule } from '../procedures/drawRule.ts';
import { measureImages } from '../procedures/measureImages.ts';
import { scoreOfTrace } from '../procedures/scoring.ts';
import type { Session } from '../procedures/session.ts';
import type { Tuned } from '../procedures/tuned.ts';
import type { EvaluatedSet, PoolRef } from '../storage/poolLog.ts';
import type { PoolLease } from '../storage/pools.ts';
import type { RunStore } from '../storage/runStore.ts';
import { candidateKey, scoresOfRound } from './rankPool.ts';
import { logHeader, pathGuidance, type RunContext, tellWarnings } from './runContext.ts';
import { selectionInForce } from './trained.ts';

/** What draws: the best adapter of a round, found at this step, or none; and the rule. */
type EvaluatedModel = EvaluatedSet & { readonly tuned: Tuned | null; readonly rule: DrawRule };

/** What is measured on one seed: of the pool's candidate and of the image that is drawn for the evaluation. */
type MetricPair = {
  readonly pool: MetricRecord;
  readonly drawn: MetricRecord;
  /** By the run's own score, from the sampling path. */
  readonly scores: { readonly pool: number; readonly drawn: number };
};

/** Draws what is missing of the model's images, stores it, and measures all of them. */
export async function drawEvaluated(
  run: RunContext,
  { tuned, rule, ...of }: EvaluatedModel,
  refs: readonly PoolRef[],
  onImages: (done: number) => void,
): Promise<readonly MetricPair[]> {
  if (refs.length === 0) return [];
  const lease = await run.store.pools.leaseEvaluated(of, logHeader(run, madeBy(of)));
  const { log } = lease;
  try {
    await tellWarnings(run);
    const missing = refs.filter(({ prompt, candidate }) => !log.has(prompt, candidate));
    onImages(refs.length - missing.length);
    const { scheduler, crew, signal } = run;
    const { batch } = run.spec.sampling;
    const options = { scheduler, rule, crew, guidance: pathGuidance(run.spec), batch, signal };
    for await (const drawn of drawPool(run.session, tuned, tasksOf(run, missing), options)) {
      const records = drawn.map(({ squaredDifference, ...c }) => ({
        ...c,
        trace: Float32Array.from(squaredDifference),
      }));
      await log.append(records);
      onImages(refs.filter(({ prompt, candidate }) => log.has(prompt, candidate)).length);
    }
    return await measuredPairs(run, lease, refs);
  } finally {
    lease.close();
  }
}

/** As in the logs of the first versions, where there is one version. */
function madeBy({ version, round, step }: EvaluatedSet): Readonly<Record<string, number>> {
  return version === 0 ? { round, step } : { round, step, version };
}

function tasksOf(run: RunContext, refs: readonly PoolRef[]): PoolTask[] {
  return run.plan.flatMap((planned) => {
    const candidates = refs
      .filter(({ prompt }) => prompt === planned.prompt)
      .map(({ candidate }) => ({ candidate, seed: candidateSeed(run.spec, planned, candidate) }));
    return candidates.length === 0 ? [] : [{ prompt: planned.prompt, text: planned.text, candidates }];
  });
}

async function measuredPairs(
  run: RunContext,
  { log }: PoolLease,
  refs: readonly PoolRef[],
): Promise<readonly MetricPair[]> {
  const stored = scoresOfRound(await run.store.series.load('scores'), 0);
  const images = await decodeImages(
    run.session,
    refs.map((ref) => log.latents([ref])),
  );
  const pairs: MetricPair[] = [];
  const shots = refs.map((ref, i) => ({
    image: images[i] as PixelImage,
    text: run.spec.prompts[ref.prompt] as string,
  }));
  const measured = await measureImages(run.session, run.meters, shots);
  for (const [i, ref] of refs.entries()) {
    const entry = stored.get(candidateKey(ref.prompt, ref.candidate));
    if (entry === undefined) continue;
    const { timesteps } = log.header;
    const { score } = scoreOfTrace(run.session.schedule, timesteps, log.trace(ref), run.spec.score);
    pairs.push({
      pool: entry.metrics,
      drawn: measured[i] as MetricRecord,
      scores: { pool: entry.score, drawn: score },
    });
  }
  return pairs;
}

/** The pictures of a round's evaluation, prompt by prompt; empty for runs that stored none. */
export async function evaluatedPairs(
  session: Session,
  meters: readonly Meter[],
  store: RunStore,
  round: number,
  version?: number,
): Promise<readonly ComparePair[]> {
  const stored = await store.load();
  const { spec, evaluations } = stored;
  const asked = version ?? selectionInForce(stored, round)?.version;
  const record = evaluations.find((e) => e.round === round && e.version === asked);
  if (record === undefined) return [];
  const after = await store.pools.leaseStoredEvaluated({
    version: record.version,
    round,
    step: record.adapterStep,
  });
  const before = after === null ? null : await store.pools.leaseStored(0);
  try {
    if (after === null || before === null) return [];
    const entries = after.log.entries().filter((entry) => before.log.has(entry.prompt, entry.candidate));
    const shown = async ({ log }: PoolLease) => {
      const images = await decodeImages(
        session,
        entries.map((entry) => log.latents([entry])),
      );
      const shots = entries.map((entry, i) => ({
        image: images[i] as PixelImage,
        text: spec.prompts[entry.prompt] as string,
      }));
      const measured = await measureImages(session, meters, shots);
      return entries.map((entry, i) => ({
        image: images[i] as PixelImage,
        score: scoreOfTrace(session.schedule, log.header.timesteps, log.trace(entry), spec.score).score,
        metrics: measured[i] as MetricRecord,
      }));
    };
    const [ofPool, drawn] = [await shown(before), await shown(after)];
    // Where nothing was trained the pool is what the method drew, and the evaluation drew without it.
    const [were, are] = record.errorFall === null ? [drawn, ofPool] : [ofPool, drawn];
    return entries.map(({ prompt, seed }, i): ComparePair => {
      const [was, is] = [were[i], are[i]] as [(typeof were)[number], (typeof are)[number]];
      return {
        prompt: spec.prompts[prompt] as string,
        seed,
        before: was.image,
        after: is.image,
        scoreBefore: was.score,
        scoreAfter: is.score,
        metricsBefore: was.metrics,
        metricsAfter: is.metrics,
      };
    });
  } finally {
    after?.close();
    before?.close();
  }
}
