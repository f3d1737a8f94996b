/** What training and evaluation of the open run have reported. */
import { create } from 'zustand';
import type {
  EvaluationRecord,
  JobEvent,
  Preview,
  TrainRecord,
  ValidationRecord,
} from '../../contract/events.ts';
import type { RunState } from '../../contract/runTypes.ts';

export type TrainingState = {
  readonly train: readonly TrainRecord[];
  readonly validation: readonly ValidationRecord[];
  readonly previews: readonly Preview[];
  readonly evaluations: readonly EvaluationRecord[];
  readonly checkpoint: { readonly round: number; readonly step: number } | null;
};

const MAX_PREVIEWS = 60;
export const NO_TRAINING: TrainingState = {
  train: [],
  validation: [],
  previews: [],
  evaluations: [],
  checkpoint: null,
};

export const useTraining = create<TrainingState>()(() => NO_TRAINING);

/** Shows what is stored of a run's training. */
export function openTraining({ train, validation, evaluations, previews }: RunState): void {
  useTraining.setState({
    ...NO_TRAINING,
    train,
    validation,
    evaluations,
    previews: previews.slice(-MAX_PREVIEWS),
  });
}

/** The state after one event. A step that is repeated after a resume replaces what was known of it. */
export function reduceTraining(state: TrainingState, event: JobEvent): TrainingState {
  switch (event.type) {
    case 'train':
      return { ...state, train: [...before(state.train, event.record), event.record] };
    case 'validation': {
      const others = before(state.validation, event.record);
      const earlier = event.record.best ? others.map((record) => demote(record, event.record.round)) : others;
      return { ...state, validation: [...earlier, event.record] };
    }
    case 'preview': {
      const { preview } = event;
      const others = state.previews.filter(
        (p) => p.round !== preview.round || p.step !== preview.step || p.prompt !== preview.prompt,
      );
      return { ...state, previews: [...others, preview].slice(-MAX_PREVIEWS) };
    }
    case 'checkpoint':
      return { ...state, checkpoint: { round: event.round, step: event.step } };
    case 'evaluation':
      return {
        ...state,
        evaluations: [...state.evaluations.filter((e) => e.round !== event.record.round), event.record],
      };
    default:
      return state;
  }
}

/** The checkpoint that validation chose in a round. */
export function bestOf(validation: readonly ValidationRecord[], round: number): ValidationRecord | null {
  return validation.findLast((record) => record.round === round && record.best) ?? null;
}

type Placed = { readonly round: number; readonly step: number };

function before<T extends Placed>(records: readonly T[], at: Placed): readonly T[] {
  const last = records.at(-1);
  if (last === undefined || last.round < at.round || (last.round === at.round && last.step < at.step))
    return records;
  return records.filter((r) => r.round < at.round || (r.round === at.round && r.step < at.step));
}

function demote(record: ValidationRecord, round: number): ValidationRecord {
  return record.round === round && record.best ? { ...record, best: false } : record;
}
