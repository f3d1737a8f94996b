/** The list of runs and the one that is open. */
import { create } from 'zustand';
import { type JobEvent, STAGES, type StageName } from '../../contract/events.ts';
import type { RunStanding, RunSummary, VersionSummary } from '../../contract/runTypes.ts';
import type { MiTuneSpec } from '../../contract/spec.ts';
import type { ErrorReport } from '../../lib/errors.ts';

export type StageProgress = {
  readonly stage: StageName;
  readonly done: number;
  readonly total: number;
  readonly unit: string;
  readonly secondsLeft: number | null;
};

export type OpenRun = {
  readonly summary: RunSummary;
  readonly spec: MiTuneSpec;
  readonly heldOut: readonly number[];
  /** Every version of the current round's results, and the one that is shown. */
  readonly versions: readonly VersionSummary[];
  readonly version: number;
};

/** What the engine is being asked to do right now. */
export type Activity = 'idle' | 'starting' | 'working' | 'pausing' | 'canceling';

type RunsState = {
  /** Null until the list has been read. */
  readonly runs: readonly RunSummary[] | null;
  /** Runs whose records are gone and whose files are there. */
  readonly lost: readonly RunSummary[];
  readonly open: OpenRun | null;
  readonly activity: Activity;
  /** Identifiers of runs that another tab works on. */
  readonly elsewhere: ReadonlySet<string>;
  readonly stage: StageName | null;
  readonly round: number;
  readonly progress: StageProgress | null;
  readonly warnings: readonly ErrorReport[];
};

export const useRuns = create<RunsState>()(() => ({
  runs: null,
  lost: [],
  open: null,
  activity: 'idle',
  elsewhere: new Set(),
  stage: null,
  round: 0,
  progress: null,
  warnings: [],
}));

/** Takes over where a run stands, in the list and where it is open. */
export function adoptStanding(runId: string, standing: RunStanding): void {
  useRuns.setState(({ runs, open, stage, round }) => {
    const list = runs?.map((run) => (run.id === runId ? { ...run, ...standing } : run)) ?? null;
    if (open?.summary.id !== runId) return { runs: list, open, stage, round };
    const { stage: at, round: inRound } = standing;
    return {
      runs: list,
      open: { ...open, summary: { ...open.summary, ...standing } },
      stage: at,
      round: inRound,
    };
  });
}

/** True when the open run can be worked on from here. */
export function isFree({ open, activity, elsewhere }: RunsState): boolean {
  return activity === 'idle' && (open === null || !elsewhere.has(open.summary.id));
}

/** What other programs wait for: `idle` without a run, else what the run is doing or how it stopped. */
export type VisibleStatus =
  | 'idle'
  | 'running'
  | 'pausing'
  | 'canceling'
  | 'elsewhere'
  | 'new'
  | 'paused'
  | 'failed'
  | 'done';

/** What the page says of the open run, which another tab may be working on. */
export function visibleStatus({
  open,
  activity,
  elsewhere,
}: Pick<RunsState, 'open' | 'activity' | 'elsewhere'>): VisibleStatus {
  if (activity === 'starting' || activity === 'working') return 'running';
  if (activity !== 'idle') return activity;
  if (open === null) return 'idle';
  if (elsewhere.has(open.summary.id)) return 'elsewhere';
  // A run that was under way when the page closed is waiting, not running.
  return open.summary.status === 'running' ? 'paused' : open.summary.status;
}

/** The state after one event of the open run. */
export function reduceRun(state: RunsState, event: JobEvent): RunsState {
  switch (event.type) {
    case 'stage':
      return { ...state, stage: event.stage, round: event.round, progress: null };
    case 'progress': {
      const { stage, done, total, unit, secondsLeft } = event;
      return { ...state, stage, progress: { stage, done, total, unit, secondsLeft } };
    }
    case 'warning':
      return { ...state, warnings: [...state.warnings, event.report] };
    default:
      return state;
  }
}

/** Runs that can go on, the latest first. */
export function unfinished(runs: readonly RunSummary[]): readonly RunSummary[] {
  return runs.filter((run) => run.status !== 'done').toSorted((a, b) => b.updatedAt - a.updatedAt);
}

/** True when the run has completed the stage, in its current round. */
export function isPast(current: StageName | null, stage: StageName): boolean {
  return current !== null && STAGES.indexOf(current) > STAGES.indexOf(stage);
}
