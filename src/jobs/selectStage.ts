/** Stage `select`: the top k of M per prompt, unless the user has chosen by hand. */

import type { Picked, RoundSelection } from '../contract/events.ts';
import { StudioError } from '../lib/errors.ts';
import type { CaptionedLatent } from '../procedures/measureSet.ts';
import { countReal, mixRealImages } from '../procedures/trainingSet.ts';
import { rankPool, scoresOfRound } from './rankPool.ts';
import { rankedRealImages } from './realImagesStage.ts';
import { openPool, patchRecord, type RunContext, warn } from './runContext.ts';
import { selectionInForce } from './trained.ts';

export async function runSelectStage(run: RunContext, round: number): Promise<void> {
  const existing = selectionInForce(run.record, round);
  const selection: RoundSelection = existing ?? { version: 0, round, picks: await rankedPicks(run, round) };
  if (existing === undefined) await patchRecord(run, { selections: [...run.record.selections, selection] });
  run.emit({ type: 'selection', ...selection });
}

async function rankedPicks(run: RunContext, round: number): Promise<readonly Picked[]> {
  const pool = await openPool(run, round);
  try {
    const { score, selection } = run.spec;
    const scores = scoresOfRound(await run.store.series.load('scores'), round);
    return rankPool(run.session.schedule, pool.log, scores, { ...score, ...selection }).picks;
  } finally {
    pool.close();
  }
}

/** What training reads: the images to tune on, and the selected images of held-out prompts. */
export type TrainingSets = {
  readonly train: readonly CaptionedLatent[];
  readonly heldOut: readonly CaptionedLatent[];
};

/**
 * The selected images of a round with their prompts, split by hold-out, with the asked share of real images mixed in.
 * @throws StudioError `selection-empty`
 */
export async function trainingSets(run: RunContext, round: number): Promise<TrainingSets> {
  const picks = selectionInForce(run.record, round)?.picks ?? [];
  const heldOutPrompts = new Set(run.plan.filter((p) => p.heldOut).map((p) => p.prompt));
  const pool = await openPool(run, round);
  let captioned: (CaptionedLatent & { prompt: number })[];
  try {
    captioned = picks.map(({ prompt, candidate }) => ({
      prompt,
      text: run.spec.prompts[prompt] as string,
      latent: pool.log.latents([{ prompt, candidate }]),
    }));
  } finally {
    pool.close();
  }
  const synthetic = captioned.filter((c) => !heldOutPrompts.has(c.prompt));
  if (synthetic.length === 0) {
    throw new StudioError('selection-empty', 'No image is selected for training.', {
      remedy: 'Select at least one image of a prompt that is not held out, or lower the validation share.',
    });
  }
  return {
    train: await withRealImages(run, synthetic),
    heldOut: captioned.filter((c) => heldOutPrompts.has(c.prompt)),
  };
}

/** The set with the asked share of real images; says so where the folder has too few. */
async function withRealImages(
  run: RunContext,
  synthetic: readonly CaptionedLatent[],
): Promise<readonly CaptionedLatent[]> {
  const share = run.spec.realImages?.share ?? 0;
  if (share === 0) return synthetic;
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
