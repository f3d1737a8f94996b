/** What the page and the reports know of backends, models and runs: plain data. */
import type { ErrorReport } from '../lib/errors.ts';
import type { BackendName, WeightFormat } from './backend.ts';
import type {
  CandidateRecord,
  EvaluationRecord,
  Preview,
  RoundSelection,
  StageName,
  StoppedRecord,
  TrainRecord,
  ValidationRecord,
} from './events.ts';
import type { MiTuneSpec, ModelRef, Prediction } from './spec.ts';

/** Which backend runs and why, for the page and for reports. */
export type BackendReport = {
  readonly name: BackendName;
  readonly reason: string;
  /** GPU as the browser names it; null on wasm. */
  readonly adapter: {
    readonly vendor: string;
    readonly architecture: string;
    readonly description: string;
  } | null;
  readonly precision: string;
  /** Threads on wasm. */
  readonly threads?: number;
  readonly cores?: number;
  /** Kernel variants in use by area, e.g. `{ linear: 'tiles' }`, where there is a choice. */
  readonly kernels?: Readonly<Record<string, string>>;
  /** Forms of kernels that were held against their references on this GPU, and those left out for wrong numbers. */
  readonly selfTest?: { readonly tested: number; readonly wrong: readonly string[] } | null;
};

export type ModelReport = {
  readonly name: string;
  readonly ref: ModelRef;
  readonly parameters: { readonly unet: number; readonly textEncoder: number; readonly vae: number };
  readonly sizeBytes: number;
  /** Precision its frozen matrices are kept at on the device. */
  readonly weights: WeightFormat;
  /** Height and width of its images in pixels. */
  readonly imageSize: number;
  readonly maxTokens: number;
  readonly prediction: Prediction;
  readonly adapterTargets: number;
  /** True when the exact scorer of the shapes world applies. */
  readonly shapesWorld: boolean;
};

export const RUN_STATUSES = ['new', 'running', 'paused', 'failed', 'done'] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

/** A line of the run list. */
export type RunSummary = {
  readonly id: string;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly status: RunStatus;
  readonly stage: StageName;
  readonly round: number;
  /** Share of the current stage that is done, 0 to 1. */
  readonly progress: number;
  readonly sizeBytes: number;
};

/** A version of a round's results in a line. */
export type VersionSummary = {
  readonly version: number;
  readonly round: number;
  readonly images: number;
  /** Steps that its adapter was trained; 0 before training. */
  readonly steps: number;
  readonly evaluated: boolean;
};

/** Where a run stands, without what takes a look at its files. */
export type RunStanding = Pick<RunSummary, 'updatedAt' | 'status' | 'stage' | 'round' | 'progress'>;

/** Everything needed to show a run again after a reload. */
export type RunState = {
  readonly summary: RunSummary;
  readonly spec: MiTuneSpec;
  /** Indices of prompts held out for validation. */
  readonly heldOut: readonly number[];
  readonly candidates: readonly CandidateRecord[];
  /** Candidates that were stopped early. */
  readonly stopped: readonly StoppedRecord[];
  /** The selection in force of each round; train, validation, evaluations and previews are what was made from these. */
  readonly selections: readonly RoundSelection[];
  /** Every version of every round, the one in force last of its round. */
  readonly versions: readonly VersionSummary[];
  readonly train: readonly TrainRecord[];
  readonly validation: readonly ValidationRecord[];
  readonly evaluations: readonly EvaluationRecord[];
  readonly previews: readonly Preview[];
  readonly warnings: readonly ErrorReport[];
};

export type NamedBytes = { readonly name: string; readonly bytes: Uint8Array };
