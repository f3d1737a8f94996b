/** What training left of a run: states to go on from and the best adapter of every version of its results. */
import * as v from 'valibot';
import { adapterStateSchema } from '../adapters/state.ts';
import type { RoundSelection, TrainRecord, ValidationRecord } from '../contract/events.ts';
import { type ErrorReport, StudioError } from '../lib/errors.ts';
import type { StoredCheckpoint } from '../storage/checkpoints.ts';
import type { RunRecord } from '../storage/runRecord.ts';
import type { RunStore } from '../storage/runStore.ts';
import { type Checkpoint, checkpointSchema } from '../training/checkpoint.ts';

const validationSchema = v.nullable(v.object({ errors: v.array(v.number()), mi: v.number() }));
const adapterSchema = v.object({
  checkpoint: v.object({ round: v.number(), step: v.number(), adapter: adapterStateSchema }),
  validation: validationSchema,
});
const real = v.custom<number>((value) => typeof value === 'number');
const stateSchema = v.object({
  checkpoint: checkpointSchema,
  validation: validationSchema,
  history: v.object({
    train: v.array(
      v.looseObject({ round: real, step: real, loss: real, gradNorm: real, learningRate: real }),
    ),
    validation: v.array(v.looseObject({ round: real, step: real, loss: real, mi: real, best: v.boolean() })),
  }),
});

/** An adapter by the step it was trained to; the best one is exported, evaluated and drawn with in the next round. */
export type TrainedAdapter = v.InferOutput<typeof adapterSchema>['checkpoint'] & {
  readonly validation: v.InferOutput<typeof validationSchema>;
};

/** What was measured in a round up to a state, so that the state needs nothing else to go on. */
export type History = { readonly train: TrainRecord[]; readonly validation: ValidationRecord[] };

/** A state with all that training goes on from. */
type TrainingState = {
  readonly checkpoint: Checkpoint;
  readonly best: TrainedAdapter | null;
  readonly history: History;
};

type VersionOfRound = Pick<RoundSelection, 'version' | 'round'>;

/** The selection of a round that is in force; undefined before there is one. */
export function selectionInForce(
  { selections }: Pick<RunRecord, 'selections'>,
  round: number,
): RoundSelection | undefined {
  return selections.findLast((s) => s.round === round);
}

/** A selection in short, `prompt/candidate` for each image. */
export function setName(selection: Pick<RoundSelection, 'picks'> | undefined): string {
  return (selection?.picks ?? []).map(({ prompt, candidate }) => `${prompt}/${candidate}`).join(' ');
}

/**
 * The newest state of a selection from which training can go on: intact, with an intact best adapter. The warnings say
 * what was passed over.
 */
export async function loadTrainingState(
  store: RunStore,
  selection: RoundSelection,
): Promise<{ readonly state: TrainingState | null; readonly warnings: readonly ErrorReport[] }> {
  const stored = ofVersion(await store.checkpoints.list(), selection);
  const warnings: ErrorReport[] = [];
  for (const head of stored.filter((c) => c.resumable)) {
    const read = v.safeParse(stateSchema, await store.checkpoints.load(head));
    if (!read.success) {
      warnings.push(stateDamaged(store.id, head));
      continue;
    }
    const { checkpoint, history } = read.output;
    if (checkpoint.set !== setName(selection)) continue;
    const best = head.best === null ? null : await loadAdapterAt(store, stored, head.best);
    if (head.best !== null && best === null) {
      warnings.push(stateDamaged(store.id, { ...head, step: head.best }));
      continue;
    }
    const { version } = selection;
    const own = <R extends object>(records: readonly R[]): (R & { version: number })[] =>
      records.map((record) => ({ ...record, version }));
    return {
      state: {
        checkpoint,
        best,
        history: { train: own(history.train), validation: own(history.validation) },
      },
      warnings,
    };
  }
  return { state: null, warnings };
}

/** The best adapter of a version; null before training, or where it is damaged. */
export async function loadBest(store: RunStore, version: VersionOfRound): Promise<TrainedAdapter | null> {
  const stored = ofVersion(await store.checkpoints.list(), version);
  const best = stored[0]?.best ?? null;
  return best === null ? null : loadAdapterAt(store, stored, best);
}

/** The adapter of a version as training left it; null before training, or where it is damaged. */
async function loadLast(store: RunStore, version: VersionOfRound): Promise<TrainedAdapter | null> {
  const stored = ofVersion(await store.checkpoints.list(), version);
  const last = stored.find((c) => c.resumable) ?? stored[0];
  return last === undefined ? null : loadAdapterAt(store, stored, last.step);
}

/** The latest version of the results that anything was trained for; null before training. */
export async function latestTrained(store: RunStore, record: RunRecord): Promise<RoundSelection | null> {
  const stored = await store.checkpoints.list();
  for (let round = record.round; round >= 0; round--) {
    const selection = selectionInForce(record, round);
    if (selection !== undefined && ofVersion(stored, selection).length > 0) return selection;
  }
  return null;
}

/**
 * The adapter of a run's latest trained round.
 * @param version of that round's results; the one in force by default
 * @throws StudioError `adapter-missing` or `adapter-damaged`
 */
export async function adapterOfRun(
  store: RunStore,
  which: 'best' | 'last',
  version?: number,
): Promise<TrainedAdapter> {
  const latest = await latestTrained(store, await store.load());
  if (latest === null) {
    throw new StudioError('adapter-missing', 'This run has no adapter yet.', { remedy: 'Train first.' });
  }
  const asked = { round: latest.round, version: version ?? latest.version };
  const adapter = await (which === 'best' ? loadBest : loadLast)(store, asked);
  if (adapter !== null) return adapter;
  throw new StudioError('adapter-damaged', 'The stored adapter of this run is damaged or gone.', {
    remedy: 'Open the run and continue it: the adapter is trained again, to the same numbers.',
    where: store.id,
  });
}

/** The states of a version, newest first. */
export function ofVersion(
  stored: readonly StoredCheckpoint[],
  { version, round }: VersionOfRound,
): StoredCheckpoint[] {
  return stored.filter((c) => c.version === version && c.round === round);
}

async function loadAdapterAt(
  store: RunStore,
  stored: readonly StoredCheckpoint[],
  step: number,
): Promise<TrainedAdapter | null> {
  // Of a state that was found damaged and made again, the copy that is intact counts.
  for (const head of stored.filter((c) => c.step === step)) {
    const read = v.safeParse(adapterSchema, await store.checkpoints.load(head));
    if (read.success) return { ...read.output.checkpoint, validation: read.output.validation };
  }
  return null;
}

function stateDamaged(where: string, { round, step }: { round: number; step: number }): ErrorReport {
  return {
    code: 'checkpoint-damaged',
    message: `The training state of round ${round + 1}, step ${step} was damaged; training went on from one before.`,
    remedy:
      'Nothing to do: the steps are trained again, to the same numbers. If it happens again, check the disk.',
    where,
  };
}
