/**
 * The language between the page and the engine worker. Requests carry an id and get one answer; job events
 * stream beside them. All of it is plain data (structured clone), with byte arrays transferred.
 */

import type { JobEvent, Picked, PixelImage, StageName } from '../jobs/events.ts';
import type { BackendReport, ModelReport, NamedBytes, RunState, RunSummary } from '../jobs/runTypes.ts';
import type { BackendChoice, MiTuneSpec, ModelRef, ScoreSpec } from '../jobs/spec.ts';
import type { ErrorReport } from '../lib/errors.ts';

export type AdapterReport = {
  /** As `CompareRequest.adapter` names it: `import:<id>`. */
  readonly id: string;
  readonly name: string;
  readonly kind: 'dora' | 'lora';
  readonly rank: number;
  readonly targets: number;
  readonly parameters: number;
  readonly textEncoder: boolean;
};

export type ImageRef = {
  readonly runId: string;
  readonly round: number;
  readonly prompt: number;
  readonly candidate: number;
};

/** The same seeds with and without the adapter. */
export type ComparePair = {
  readonly prompt: string;
  readonly seed: number;
  readonly before: PixelImage;
  readonly after: PixelImage;
  readonly scoreBefore: number;
  readonly scoreAfter: number;
  readonly exactBefore: { readonly share: number; readonly strict: boolean } | null;
  readonly exactAfter: { readonly share: number; readonly strict: boolean } | null;
};

export type CompareRequest = {
  /** Adapter of a run (`run:<id>`) or an imported one (`import:<id>`). */
  readonly adapter: string;
  readonly prompts: readonly string[];
  readonly seeds: readonly number[];
  readonly steps: number;
  readonly guidance: number;
};

export type ImportedImages = {
  readonly id: string;
  readonly name: string;
  readonly images: number;
  readonly warnings: readonly string[];
};

/** Every request with its arguments and its answer. */
export type Requests = {
  open: { args: { backend: BackendChoice }; result: BackendReport };
  loadModel: { args: { ref: ModelRef }; result: ModelReport };
  /** Copies a dropped diffusers folder into local storage. */
  importModel: {
    args: { name: string; files: readonly { path: string; file: Blob }[] };
    result: ModelReport;
  };
  listRuns: { args: Record<never, never>; result: readonly RunSummary[] };
  createRun: { args: { spec: MiTuneSpec; name: string }; result: RunSummary };
  runState: { args: { runId: string }; result: RunState };
  deleteRun: { args: { runId: string }; result: null };
  /** Works on the run until the stage is complete; job events stream meanwhile. Answers when it stops. */
  run: { args: { runId: string; until: StageName }; result: RunSummary };
  pause: { args: Record<never, never>; result: null };
  /** Scores the stored pool again: no network evaluations. */
  rank: {
    args: {
      runId: string;
      round: number;
      score: Pick<ScoreSpec, 'weights' | 'truncation'>;
      candidates: number;
      keep: number;
    };
    result: {
      readonly scores: readonly { prompt: number; candidate: number; score: number }[];
      readonly picks: readonly Picked[];
    };
  };
  setSelection: { args: { runId: string; round: number; picks: readonly Picked[] }; result: null };
  images: { args: { runId: string; refs: readonly ImageRef[] }; result: readonly PixelImage[] };
  compare: { args: CompareRequest; result: readonly ComparePair[] };
  exportAdapter: { args: { runId: string; which: 'best' | 'last' }; result: NamedBytes };
  exportSet: { args: { runId: string; round: number }; result: NamedBytes };
  exportReport: { args: { runId: string }; result: NamedBytes };
  exportScores: { args: { runId: string }; result: NamedBytes };
  importAdapter: { args: { name: string; bytes: Uint8Array }; result: AdapterReport };
  importImages: {
    args: { name: string; files: readonly { path: string; file: Blob }[] };
    result: ImportedImages;
  };
};

export type RequestName = keyof Requests;
export type RequestMessage = {
  [N in RequestName]: { readonly id: number; readonly name: N; readonly args: Requests[N]['args'] };
}[RequestName];

/** Asks to end an open request early. The request is still answered, once the work has really stopped. */
export type AbortMessage = { readonly name: 'abort'; readonly id: number };
export type ClientMessage = RequestMessage | AbortMessage;

export type EngineMessage =
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly report: ErrorReport }
  | { readonly kind: 'event'; readonly runId: string; readonly event: JobEvent }
  /** Progress of a request that is not a job: model loading, comparing. */
  | {
      readonly kind: 'progress';
      readonly id: number;
      readonly done: number;
      readonly total: number;
      readonly unit: string;
    };
