import type { RoundSelection } from '../contract/events.ts';
import { selectionInForce, setName } from '../jobs/trained.ts';
import { StudioError } from '../lib/errors.ts';
import { chosenMethod } from '../methods/registry.ts';
import type { RunHead, RunRecord } from '../storage/runRecord.ts';
import type { RunStore } from '../storage/runStore.ts';

/**
 * Changes the selection of the run's current round. What was trained on another selection stays beside the new one, under
 * its own version; a selection that there was before comes back with all that was made from it.
 * @returns where the run stands now
 * @throws StudioError `round-closed` for an earlier round
 */
export async function chooseByHand(
  store: RunStore,
  selection: Omit<RoundSelection, 'version'>,
): Promise<RunHead> {
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
  const versions = record.selections.filter((s) => s.round === round);
  const version = versionFor(versions, selection, await usedVersions(store, record));
  const others = record.selections.filter((s) => s.round !== round || s.version !== version);
  const selections = [...others, { ...selection, version }];
  const isOther = setName(selectionInForce(record, round)) !== setName(selection);
  const trained = record.stage === 'train' || record.stage === 'evaluate' || record.stage === 'done';
  return store.save(trained && isOther ? { selections, stage: 'train', status: 'paused' } : { selections });
}

/** The version that has these images already, the one that nothing was made from yet, or a new one. */
function versionFor(
  versions: readonly RoundSelection[],
  wanted: Pick<RoundSelection, 'picks'>,
  used: ReadonlySet<number>,
): number {
  const same = versions.find((s) => setName(s) === setName(wanted));
  const unused = same ?? versions.find((s) => !used.has(s.version));
  return unused?.version ?? Math.max(-1, ...versions.map((s) => s.version)) + 1;
}

/** Versions of the current round that anything was made from, even if their training states have been lost since. */
async function usedVersions(
  store: RunStore,
  { round, evaluations, spec }: RunRecord,
): Promise<ReadonlySet<number>> {
  // Where nothing is trained, what was evaluated is the drawing, whatever is selected.
  const trains = chosenMethod(spec.method).method.stages.includes('train');
  const made = [
    ...(await store.checkpoints.list()),
    ...(await store.series.load('train')),
    ...(await store.previews.load(() => true)),
    ...(trains ? evaluations : []),
  ];
  return new Set(made.filter((of) => of.round === round).map((of) => of.version));
}
