/** Rewards of candidates: by what a method prefers one image to another. */
import type { Picked } from '../../contract/events.ts';
import type { Scheduler } from '../../diffusion/scheduler.ts';
import { StudioError } from '../../lib/errors.ts';
import { measureImage } from '../../metrics/measure.ts';
import { isFileMetric } from '../../metrics/t2i/elsewhere.ts';
import { decodeImages } from '../../procedures/decodeImages.ts';
import { scoreDrawn } from '../../procedures/drawAndScore.ts';
import type { Trajectory } from '../../procedures/drawTrajectories.ts';
import type { Tuned } from '../../procedures/tuned.ts';
import type { OnlineRequest, Ranked } from '../methodCode.ts';

/** Strictly greater, compared in float32 as upstream does: .92 does not exceed .92, nor does .920000001. */
export function exceeds(reward: number, threshold: number): boolean {
  return Math.fround(reward) > Math.fround(threshold);
}

/**
 * The reward of every candidate, by the name of a metric, `mi` or `file` (the scores file that was read for the pool);
 * null where there is nothing to say. MI compares within a prompt only, so its reward is the share of the prompt's other
 * candidates that it beats.
 * @throws StudioError `rewards-many` where the pool has several columns of scores files
 */
export function rewardsOf(reward: string, pool: readonly Ranked[]): ReadonlyMap<Ranked, number | null> {
  const name = reward === 'file' ? scoresColumn(pool) : reward;
  if (name !== 'mi') return new Map(pool.map((c) => [c, c.metrics[name]?.value ?? null]));
  const byPrompt = groupByPrompt(pool);
  return new Map(
    pool.map((c) => {
      const others = (byPrompt.get(c.prompt) ?? []).filter((other) => other !== c);
      return [c, shareBeaten(c.score, others)];
    }),
  );
}

/** The `keep` candidates of each prompt with the highest reward; those without one are passed over. */
export function bestByReward(reward: string, pool: readonly Ranked[], keep: number): readonly Ranked[] {
  const rewards = rewardsOf(reward, pool);
  const of = (c: Ranked): number => rewards.get(c) ?? Number.NEGATIVE_INFINITY;
  const best = [...groupByPrompt(pool.filter((c) => Number.isFinite(of(c)))).values()].flatMap((candidates) =>
    candidates.toSorted((a, b) => of(b) - of(a)).slice(0, keep),
  );
  if (best.length === 0) throw rewardsMissing(reward);
  return best;
}

/** The reward of one candidate among those of its pool. */
export function rewardAt(rewards: ReadonlyMap<Ranked, number | null>, place: Picked): number | null {
  for (const [c, reward] of rewards)
    if (c.prompt === place.prompt && c.candidate === place.candidate) return reward;
  return null;
}

/** The one metric of the pool that came from a scores file. */
function scoresColumn(pool: readonly Ranked[]): string {
  const names = new Set(pool.flatMap(({ metrics }) => Object.keys(metrics)).filter(isFileMetric));
  const [name, ...others] = names;
  if (name === undefined) throw rewardsMissing('file');
  if (others.length === 0) return name;
  throw new StudioError(
    'rewards-many',
    `Scores of several columns were read for this pool: ${[...names].join(', ')}.`,
    {
      where: 'method.reward',
      remedy: 'Read a file with one column of scores into a new run.',
    },
  );
}

/** The error for a reward that no image has. */
export function rewardsMissing(reward: string): StudioError {
  return reward === 'file'
    ? new StudioError(
        'rewards-missing',
        'This method trains on scores of a file, and none has been read for this pool.',
        {
          where: 'method.reward',
          remedy:
            'Download the pool’s images, score them with your program, read the file under Agreement, then continue the run.',
        },
      )
    : new StudioError('rewards-missing', `No image of this pool has a reward by ${reward}.`, {
        where: 'method.reward',
        remedy: 'Choose another reward, or have this metric measure the images.',
      });
}

/** Rewards of images that were just drawn, in their order; MI against the pool's candidates of the same prompt. */
export async function rewardDrawn(
  reward: string,
  drawn: readonly Trajectory[],
  by: Pick<OnlineRequest, 'session' | 'pool' | 'score' | 'signal'> & {
    readonly tuned: Tuned | null;
    readonly scheduler: Scheduler;
  },
): Promise<readonly (number | null)[]> {
  const { session, tuned, pool, score, scheduler, signal } = by;
  const rewards: (number | null)[] = [];
  for (const { candidate, text } of drawn) {
    signal.throwIfAborted();
    if (reward === 'mi') {
      const [scored] = await scoreDrawn(session, tuned, [candidate], text, { ...score, scheduler, signal });
      const others = pool.filter(({ prompt }) => prompt === candidate.prompt);
      rewards.push(scored === undefined ? null : shareBeaten(scored.score, others));
    } else {
      const [image] = await decodeImages(session, [candidate.latent]);
      const meters = score.meters.filter(({ metric }) => metric.name === reward);
      const record = image === undefined ? {} : await measureImage(meters, image, text);
      rewards.push(record[reward]?.value ?? null);
    }
  }
  return rewards;
}

/** Share of the others whose score is lower; 1 where there are none. */
function shareBeaten(score: number, others: readonly { readonly score: number }[]): number {
  return others.length === 0 ? 1 : others.filter((c) => c.score < score).length / others.length;
}

/** For each chosen candidate one with a low score of the same prompt that is not chosen, lowest first; null if none is left. */
export function opponents(chosen: readonly Ranked[], pool: readonly Ranked[]): readonly (Ranked | null)[] {
  const taken = new Set(chosen.map(({ prompt, candidate }) => `${prompt}/${candidate}`));
  const left = groupByPrompt(pool.filter(({ prompt, candidate }) => !taken.has(`${prompt}/${candidate}`)));
  for (const candidates of left.values()) candidates.sort((a, b) => b.score - a.score);
  return chosen.map(({ prompt }) => left.get(prompt)?.pop() ?? null);
}

function groupByPrompt(pool: readonly Ranked[]): Map<number, Ranked[]> {
  const groups = new Map<number, Ranked[]>();
  for (const c of pool) groups.set(c.prompt, [...(groups.get(c.prompt) ?? []), c]);
  return groups;
}
