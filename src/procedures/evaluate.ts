/** What an adapter did to images and prompts that its training never saw. */

import type { Interval } from '../contract/events.ts';
import { EVALUATION_GRID } from '../contract/judging.ts';
import { mean, std } from '../lib/stats.ts';
import type { RenoiseMeasurement } from '../mi/renoisedScore.ts';
import { type CaptionedLatent, errorsByDraw, meanMi, measureSet, middleTimesteps } from './measureSet.ts';
import type { Session } from './session.ts';
import type { Tuned } from './tuned.ts';

/** Other noises than validation's, which chose the checkpoint. */
const EVALUATION_SEED = 0x6576616c;

type ErrorComparison = {
  /** Fall of the noise-prediction error per element on the images; positive is better. */
  readonly errorFall: Interval;
  readonly mi: { readonly before: number; readonly after: number; readonly change: Interval };
};

/**
 * Errors and MI with and without the adapter on the same noises. The intervals are 95%, over noise draws within
 * timesteps: they speak about these images, not about others.
 */
export async function compareErrors(
  session: Session,
  tuned: Tuned,
  images: readonly CaptionedLatent[],
  options: {
    readonly batch: number;
    readonly signal?: AbortSignal | undefined;
    readonly onImages?: (done: number) => void;
  },
): Promise<ErrorComparison> {
  const measure = (model: Tuned | null, offset: number): Promise<RenoiseMeasurement[][]> =>
    measureSet(session, model, images, {
      grid: middleTimesteps(session.schedule.T, EVALUATION_GRID.timesteps),
      draws: EVALUATION_GRID.draws,
      seed: EVALUATION_SEED,
      batch: options.batch,
      signal: options.signal,
      onImages: (done) => options.onImages?.(offset + done),
    });
  const before = await measure(null, 0);
  const after = await measure(tuned, images.length);
  const size = images[0]?.latent.length as number;
  const errorsBefore = errorsByDraw(before, size);
  const errorsAfter = errorsByDraw(after, size);
  const timesteps = (before[0] ?? []).map((m) => m.t);
  const weights = { weights: 'code', truncation: -1 } as const;
  const miBefore = meanMi(session, before, weights);
  const miAfter = meanMi(session, after, weights);
  const perDraw = (measured: readonly (readonly RenoiseMeasurement[])[], draw: number): number =>
    meanMi(
      session,
      measured.map((image) => image.filter((m) => m.draw === draw)),
      weights,
    );
  const changes = Array.from(
    { length: EVALUATION_GRID.draws },
    (_, draw) => perDraw(after, draw) - perDraw(before, draw),
  );
  return {
    errorFall: stratified(
      errorsBefore.map((error, i) => error - (errorsAfter[i] as number)),
      timesteps,
    ),
    mi: {
      before: miBefore,
      after: miAfter,
      change: stratified(
        changes,
        changes.map(() => 0),
      ),
    },
  };
}

/** 95% interval of the mean over strata of within-stratum means: normal, from the within-stratum variances. */
export function stratified(values: readonly number[], strata: readonly number[]): Interval {
  const groups = new Map<number, number[]>();
  for (const [i, value] of values.entries()) {
    const stratum = strata[i] as number;
    groups.set(stratum, [...(groups.get(stratum) ?? []), value]);
  }
  const lists = [...groups.values()];
  const center = mean(lists.map(mean));
  const variance = lists.reduce((sum, list) => sum + std(list) ** 2 / list.length, 0) / lists.length ** 2;
  const half = 1.96 * Math.sqrt(variance);
  return { mean: center, low: center - half, high: center + half };
}
