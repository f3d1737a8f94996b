/** Scores that the pool on show is given after it was drawn: by a metric, or by another program. */
import { create } from 'zustand';
import type { MetricChoice } from '../../contract/spec.ts';
import { readText } from '../../lib/textFile.ts';
import { metricOf } from '../../metrics/registry.ts';
import { engineClient } from '../page/engineClient.ts';
import { attempt, confirmDone } from '../page/notices.ts';
import { reloadPoolScores } from './agreement.ts';
import { useGallery } from './gallery.ts';
import { openRun } from './runActions.ts';
import { useRuns } from './runs.ts';

type Measuring = {
  /** The metric that is being measured; null while nothing is. */
  readonly name: string | null;
  readonly done: number;
  readonly total: number;
};

const NOTHING: Measuring = { name: null, done: 0, total: 0 };

export const useMeasuring = create<Measuring>()(() => NOTHING);

let stopping: AbortController | null = null;

/** Measures what the metric has not measured yet, or asked something else about. */
export async function measureShownPool(metric: MetricChoice): Promise<void> {
  const run = useRuns.getState().open;
  if (run === null || stopping !== null) return;
  const runId = run.summary.id;
  const { round } = useGallery.getState();
  const controller = new AbortController();
  stopping = controller;
  useMeasuring.setState({ ...NOTHING, name: metric.name });
  const measured = await attempt(() =>
    engineClient()
      .call(
        'measurePool',
        { runId, round, metric },
        {
          signal: controller.signal,
          onProgress: ({ done, total }) => useMeasuring.setState({ done, total }),
        },
      )
      .catch((error: unknown) => {
        // What was measured until then is kept.
        if (controller.signal.aborted) return null;
        throw error;
      }),
  );
  stopping = null;
  useMeasuring.setState(NOTHING);
  await openRun(runId);
  await reloadPoolScores();
  if (measured === null) return;
  const title = metricOf(metric.name)?.title ?? metric.name;
  const { images, again } = measured;
  const replaced =
    again === 0
      ? ''
      : ` ${again} of them had been measured with other questions: the new numbers replace those.`;
  confirmDone(
    images === 0
      ? `${title}: nothing was left to measure.`
      : `${title}: ${images} images measured.${replaced}`,
  );
}

export function stopMeasuring(): void {
  stopping?.abort();
}

/** Adds the columns of a table to the pool on show. */
export async function addScores(name: string, file: Blob): Promise<void> {
  const run = useRuns.getState().open;
  if (run === null) return;
  const { round } = useGallery.getState();
  const runId = run.summary.id;
  const added = await attempt(async () =>
    engineClient().call('importScores', { runId, round, text: await readText(file), source: name }),
  );
  if (added === null) return;
  await openRun(runId);
  await reloadPoolScores();
  const rest = added.without === 0 ? '' : ` ${added.without} images are not in it.`;
  confirmDone(`${added.names.join(', ')}: ${added.images} images have a score.${rest}`);
}
