import type { RoundSelection } from '../contract/events.ts';
import { StudioError } from '../lib/errors.ts';
import type { RunStore } from '../storage/runStore.ts';

/**
 * Replaces the selection of the run's current round. A round that was already trained is trained anew: its checkpoint
 * stays until the first new one, its history is cut when training starts. The first round begins with a fresh adapter,
 * a later one with the best there is.
 * @throws StudioError `round-closed` for an earlier round
 */
export async function chooseByHand(store: RunStore, selection: RoundSelection): Promise<void> {
  const { round } = selection;
  const record = await store.load();
  if (round !== record.round) {
    throw new StudioError(
      'round-closed',
      `Round ${round + 1} is closed; the run is in round ${record.round + 1}.`,
      {
        remedy: 'Change the selection of the current round.',
      },
    );
  }
  const selections = [...record.selections.filter((s) => s.round !== round), selection];
  const trained = record.stage === 'train' || record.stage === 'evaluate' || record.stage === 'done';
  await store.save(trained ? { selections, stage: 'train', status: 'paused' } : { selections });
}
