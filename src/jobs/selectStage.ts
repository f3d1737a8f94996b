/** Stage `select`: the top k of M per prompt, unless the user has chosen by hand. */

import type { Picked, RoundSelection } from '../contract/events.ts';
import { StudioError } from '../lib/errors.ts';
import type { PoolCandidate } from '../methods/methodCode.ts';
import type { CaptionedLatent } from '../procedures/measureSet.ts';
import type { TrainItem } from '../procedures/trainItems.ts';
import { countReal, mixRealImages } from '../procedures/trainingSet.ts';
import type { PoolLog } from '../storage/poolLog.ts';
import { candidateKey, rankPool, scoresOfRound } from './rankPool.ts';
import { rankedRealImages } from './realImagesStage.ts';
import { openPool, patchRecord, type RunContext, warn } from './runContext.ts';
import { selectionInForce } from './trained.ts';

export async function runSelectStage(run: RunContext, round: number): Promise<void> {
  const existing = selectionInForce(run.record, round);
  const selection: RoundSelection = existing ?? { version: 0, round, picks: await rankedPicks(run, round) };
  if (existing === undefined) await patchRecord(run, { selections: [...run.record.selections, selection] });
  run.emit({ type: 'selection', ...selection });
}

/**
 * The method's choice among candidates of prompts that train; of held-out prompts, by which methods are compared,
 * always the top k.
 */
async function rankedPicks(run: RunContext, round: number): Promise<readonly Picked[]> {
  const pool = await openPool(run, round);
  try {
    const { ranked, picks } = await rankedPool(run, round, pool.log);
    const { select } = run.tuning;
    if (select === undefined) return picks;
    const heldOut = heldOutPrompts(run);
    const trained = select(
      ranked.filter(({ prompt }) => !heldOut.has(prompt)),
      run.spec.selection.keep,
    );
    return [
      ...picks.filter(({ prompt }) => heldOut.has(prompt)),
      ...trained.map(({ prompt, candidate }) => ({ prompt, candidate })),
    ];
  } finally {
    pool.close();
  }
}

/** The round's candidates with their scores as they are stored, and the top k of each prompt. */
async function rankedPool(
  run: RunContext,
  round: number,
  pool: PoolLog,
): Promise<{ readonly ranked: readonly PoolCandidate[]; readonly picks: readonly Picked[] }> {
  const { score, selection, prompts } = run.spec;
  const entries = scoresOfRound(await run.store.series.load('scores'), round);
  const { scores, picks } = rankPool(run.session.schedule, pool, entries, { ...score, ...selection });
  const seeds = new Map(pool.entries().map((e) => [candidateKey(e.prompt, e.candidate), e.seed]));
  const ranked = scores.map(({ prompt, candidate, score: value }) => ({
    prompt,
    candidate,
    seed: seeds.get(candidateKey(prompt, candidate)) as number,
    text: prompts[prompt] as string,
    score: value,
    metrics: entries.get(candidateKey(prompt, candidate))?.metrics ?? {},
  }));
  return { ranked, picks };
}

function heldOutPrompts(run: RunContext): ReadonlySet<number> {
  return new Set(run.plan.filter((p) => p.heldOut).map((p) => p.prompt));
}

/** The round's candidates of prompts that are not held out. */
export async function trainedPool(run: RunContext, round: number): Promise<readonly PoolCandidate[]> {
  const heldOut = heldOutPrompts(run);
  const lease = await openPool(run, round);
  try {
    const { ranked } = await rankedPool(run, round, lease.log);
    return ranked.filter(({ prompt }) => !heldOut.has(prompt));
  } finally {
    lease.close();
  }
}

/** What training reads: the images to tune on, and the selected images of held-out prompts. */
type TrainingSets = {
  readonly train: readonly TrainItem[];
  readonly heldOut: readonly CaptionedLatent[];
};

/**
 * The selected images of a round as the method trains on them, and those of held-out prompts. Real images are mixed in
 * where a sample is an image with its caption and nothing beside it.
 * @throws StudioError `selection-empty`
 */
export async function trainingSets(run: RunContext, round: number): Promise<TrainingSets> {
  const picks = selectionInForce(run.record, round)?.picks ?? [];
  const heldOut = heldOutPrompts(run);
  const lease = await openPool(run, round);
  try {
    const latent = (candidate: Picked): Float32Array => lease.log.latents([candidate]);
    const captioned = (candidate: Picked): CaptionedLatent => ({
      text: run.spec.prompts[candidate.prompt] as string,
      latent: latent(candidate),
    });
    const chosen = picks.filter(({ prompt }) => !heldOut.has(prompt));
    const { items } = run.tuning;
    const train =
      items === undefined ? chosen.map(captioned) : await itemsOf(run, round, lease.log, chosen, latent);
    if (train.length === 0 && run.tuning.online === undefined) {
      throw new StudioError('selection-empty', 'No image is selected for training.', {
        remedy: 'Select at least one image of a prompt that is not held out, or lower the validation share.',
      });
    }
    return {
      train: await withRealImages(run, train),
      heldOut: picks.filter(({ prompt }) => heldOut.has(prompt)).map(captioned),
    };
  } finally {
    lease.close();
  }
}

async function itemsOf(
  run: RunContext,
  round: number,
  pool: PoolLog,
  chosen: readonly Picked[],
  latent: (candidate: Picked) => Float32Array,
): Promise<readonly TrainItem[]> {
  const heldOut = heldOutPrompts(run);
  const { ranked } = await rankedPool(run, round, pool);
  const trained = ranked.filter(({ prompt }) => !heldOut.has(prompt));
  const byKey = new Map(trained.map((c) => [candidateKey(c.prompt, c.candidate), c]));
  return (
    run.tuning.items?.({
      chosen: chosen.flatMap((c) => byKey.get(candidateKey(c.prompt, c.candidate)) ?? []),
      pool: trained,
      latent,
      seed: run.spec.seed + round,
    }) ?? []
  );
}

/** The set with the asked share of real images; says so where the folder has too few. */
async function withRealImages(
  run: RunContext,
  synthetic: readonly TrainItem[],
): Promise<readonly TrainItem[]> {
  const share = run.spec.realImages?.share ?? 0;
  if (share === 0) return synthetic;
  if (run.tuning.items !== undefined) {
    await warn(run, {
      code: 'real-images-unused',
      message: `${run.chosen.method.title} sets other rows beside its images, which real images do not have; none is mixed in.`,
      remedy: 'Choose MI-TUNE to mix real images into the set.',
    });
    return synthetic;
  }
  const ranked = await rankedRealImages(run);
  const wanted = countReal(share, synthetic.length);
  if (ranked.length < wanted) {
    await warn(run, {
      code: 'real-images-few',
      message: `${wanted} real images were asked for, the folder has ${ranked.length}.`,
      remedy: 'Add images to the folder or lower the share; the rest of the set is synthetic.',
    });
  }
  return mixRealImages(synthetic, ranked, { share, seed: run.spec.seed });
}
