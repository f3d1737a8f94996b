/** Scores of other programs for the images of the open run. */
import { readText } from '../../lib/textFile.ts';
import { engineClient } from '../page/engineClient.ts';
import { attempt, confirmDone } from '../page/notices.ts';
import { reloadPoolScores } from './agreement.ts';
import { useGallery } from './gallery.ts';
import { openRun } from './runActions.ts';
import { useRuns } from './runs.ts';

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
