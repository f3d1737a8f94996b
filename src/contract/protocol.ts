/**
 * The language between the page and the engine worker. Requests carry an id and get one answer; job events
 * stream beside them. All of it is plain data (structured clone), with byte arrays transferred.
 */

import type { ErrorReport } from '../lib/errors.ts';
import type {
  AdapterFacts,
  AdapterFormatName,
  AdapterKindName,
  ExportName,
  LayerLoss,
  MergePart,
} from './adapterFiles.ts';
import type { AdapterId, ComparedFor, CompareRequest, Comparison, DrawnComparison } from './comparison.ts';
import type { JobEvent, MetricRecord, Picked, PixelImage, RoundSelection, StageName } from './events.ts';
import type { LoadPlan, PlanRequest } from './loadPlan.ts';
import type { DownloadPlan, ModelSource } from './modelSource.ts';
import type {
  BackendReport,
  ModelReport,
  NamedBytes,
  RunStanding,
  RunState,
  RunSummary,
} from './runTypes.ts';
import type { BackendChoice, MetricChoice, MiTuneSpec, ModelRef, ScoreSpec } from './spec.ts';
import type { StorageReport, StoredItem, StoredKind, StoredList, Verification } from './stored.ts';

export type AdapterReport = {
  /** As `CompareColumn.adapter` names it: `import:<id>`. */
  readonly id: string;
  readonly name: string;
  readonly format: AdapterFormatName;
  readonly kind: AdapterKindName;
  readonly rank: number;
  readonly targets: number;
  readonly parameters: number;
  readonly textEncoder: boolean;
  /** What was assumed or told apart while reading it. */
  readonly notes: readonly string[];
};

/** A file of an adapter or of a whole model, which may be larger than memory. */
export type ExportedFile = {
  readonly name: string;
  readonly file: Blob;
  /** Layers that the format cannot hold exactly. */
  readonly losses: readonly LayerLoss[];
  /** What a user should hear about it, such as that it was not trained; else null. */
  readonly note: string | null;
};

export type ImageRef = {
  readonly runId: string;
  readonly round: number;
  readonly prompt: number;
  readonly candidate: number;
};

/** An image of a held-out prompt before and after, from the same seed. */
export type ComparePair = {
  readonly prompt: string;
  readonly seed: number;
  readonly before: PixelImage;
  readonly after: PixelImage;
  readonly scoreBefore: number;
  readonly scoreAfter: number;
  readonly metricsBefore: MetricRecord;
  readonly metricsAfter: MetricRecord;
};

export type ImportedImages = {
  readonly id: string;
  readonly name: string;
  readonly images: number;
  readonly warnings: readonly string[];
};

/** Numbers with their shape, row by row. */
export type NumberBlock = { readonly shape: readonly number[]; readonly values: Float32Array };

export type ProbeRequest = {
  /** What the UNet is given, [N, C, h, w] as in PyTorch. */
  readonly latents: NumberBlock;
  /** Text embeddings [N, L, D] (or [1, L, D] for all latents), or a prompt, which is encoded. */
  readonly contexts: readonly (NumberBlock | { readonly prompt: string })[];
  /** In the network's own count, 0 to 999; none to encode prompts only. */
  readonly timesteps: readonly number[];
  /** Default none. Prompts are encoded with it too where it adapts the text encoder. */
  readonly adapter?: AdapterId | null;
  readonly strength?: number;
};

export type ProbeStep = {
  readonly t: number;
  /** The network's raw output for each context, [N, C, h, w]. */
  readonly predictions: readonly NumberBlock[];
  /** For two contexts: sum over C, h and w of the squared difference of their predictions, one for each latent. */
  readonly squaredDifference: readonly number[] | null;
  /** Until the numbers were read back. */
  readonly seconds: number;
};

export type ProbeResult = {
  /** As given, or what the text encoder made of the prompt. */
  readonly contexts: readonly NumberBlock[];
  readonly steps: readonly ProbeStep[];
};

/** A candidate's trace beside the same computed on another backend. */
export type Recheck = {
  /** Terms that were compared, from the first, and the seconds that it took. */
  readonly steps: number;
  readonly seconds: number;
  /** Timestep and relative difference of the term that differs most. */
  readonly t: number;
  readonly difference: number;
  /** True where rounding explains the difference. */
  readonly agrees: boolean;
};

type Usage = {
  /** All buffers of the GPU device, pooled ones too; null on wasm. */
  readonly gpu: { readonly bytes: number; readonly peakBytes: number; readonly buffers: number } | null;
  /** Tensors alive and their bytes, wherever they lie. */
  readonly tensors: number;
  readonly tensorBytes: number;
  /** Dispatches of our own kernels since the page was opened; 0 on wasm. */
  readonly dispatches: number;
};

/** Every request with its arguments and its answer. */
export type Requests = {
  open: { args: { backend: BackendChoice }; result: BackendReport };
  loadModel: { args: { ref: ModelRef }; result: ModelReport };
  /**
   * Copies a dropped model into local storage, to be loaded as `{ kind: 'local', id }`: a folder in diffusers layout, or
   * a single-file checkpoint (with vocab.json and merges.txt beside it, or these are fetched). Weights do not tell what
   * an SD-2.x checkpoint predicts: `prediction` does, null or absent takes what its name suggests.
   */
  importModel: {
    args: {
      name: string;
      files: readonly { path: string; file: Blob }[];
      prediction?: 'epsilon' | 'v_prediction' | null;
    };
    result: StoredItem;
  };
  /** The network of a metric from files: weights of any name, and the texts that its entry names. */
  importMetric: {
    args: { id: string; files: readonly { path: string; file: Blob }[] };
    result: StoredItem;
  };
  /**
   * What goes where before a model is loaded: bytes by phase, the peak, whether it fits, and what would. Reads configs
   * only. Also answered while a run is worked on.
   */
  planLoad: { args: PlanRequest; result: LoadPlan };
  /**
   * What a download would bring: size, license, what is there already. Reads listings and small files only.
   * The token is sent to the hub's own address alone and forgotten with the request, here and below.
   */
  planDownload: { args: { source: ModelSource; token: string | null }; result: DownloadPlan };
  /**
   * Fetches a model into local storage; progress comes in bytes, with a note where there is something to tell (a
   * dropped connection, another mirror). What is there is kept when it stops, and asking again goes on from it.
   * The answer is the complete model, to be loaded as `{ kind: 'local', id }`.
   */
  downloadModel: { args: { source: ModelSource; token: string | null }; result: StoredItem };
  /** Everything that is stored beside runs. */
  stored: { args: Record<never, never>; result: StoredList };
  /** Reads a stored model or image folder again, sizes, structure and hashes; progress comes in bytes. */
  verifyStored: { args: { kind: StoredKind; id: string }; result: Verification };
  /** Refused with `storage-in-use` while a run or a download works with it. */
  deleteStored: { args: { kind: StoredKind; id: string }; result: { readonly freedBytes: number } };
  /** Corrects what a stored checkpoint predicts. If it is loaded it is unloaded: load it again. */
  setPrediction: { args: { id: string; prediction: 'epsilon' | 'v_prediction' }; result: StoredItem };
  /** Tokens of each prompt by the loaded model's count, without start and end. */
  countTokens: { args: { prompts: readonly string[] }; result: readonly number[] };
  storage: { args: Record<never, never>; result: StorageReport };
  listRuns: { args: Record<never, never>; result: readonly RunSummary[] };
  createRun: { args: { spec: MiTuneSpec; name: string }; result: RunSummary };
  /** Runs whose records are gone from the database and whose files are there: they can be recovered. */
  listLost: { args: Record<never, never>; result: readonly RunSummary[] };
  recoverRun: { args: { runId: string }; result: RunSummary };
  /** `version`: of the current round's results; the one in force by default, here and below. */
  runState: { args: { runId: string; version?: number }; result: RunState };
  /**
   * SHA-256 of the files of the model that a run was begun with, or with null of the loaded one, by their paths below the
   * model's folder. Files that were not read yet are missing.
   */
  modelHashes: { args: { runId: string | null }; result: Readonly<Record<string, string>> };
  deleteRun: { args: { runId: string }; result: null };
  /** Works on the run until the stage is complete; job events stream meanwhile. Answers when it stops. */
  run: { args: { runId: string; until: StageName }; result: RunSummary };
  pause: { args: Record<never, never>; result: null };
  /** Scores the stored pool again: no network evaluations. */
  rank: {
    args: {
      runId: string;
      round: number;
      /** `estimator`: of a pool whose images were noised again, either of the two. */
      score: Pick<ScoreSpec, 'weights' | 'truncation'> & Partial<Pick<ScoreSpec, 'estimator'>>;
      candidates: number;
      keep: number;
    };
    result: {
      readonly scores: readonly { prompt: number; candidate: number; score: number }[];
      readonly picks: readonly Picked[];
    };
  };
  /** Scores of other programs for a pool's images become metrics of it, by file names of the downloaded set or content. */
  importScores: {
    args: { runId: string; round: number; text: string; source: string };
    result: { readonly names: readonly string[]; readonly images: number; readonly without: number };
  };
  /**
   * Measures a pool's images by a metric: those that it has not measured, or asked other questions about. Progress comes
   * in images; what was measured stays when it is stopped. `again`: images whose numbers were replaced.
   */
  measurePool: {
    args: { runId: string; round: number; metric: MetricChoice };
    result: { readonly images: number; readonly again: number };
  };
  /** Replaces the selection of a round; `ranking` is the one it was made under, where that is not the run's own. */
  setSelection: { args: { runId: string } & Omit<RoundSelection, 'version'>; result: RunStanding };
  images: { args: { runId: string; refs: readonly ImageRef[] }; result: readonly PixelImage[] };
  /** The held-out pictures by which a round was judged, with the score of their own drawing; empty if none are stored. */
  evaluated: { args: { runId: string; round: number; version?: number }; result: readonly ComparePair[] };
  compare: { args: CompareRequest; result: DrawnComparison };
  /** The one that is kept with a version of a run's results; null if there is none. */
  comparison: { args: ComparedFor; result: Comparison | null };
  /**
   * What the loaded networks make of given numbers: predictions, squared differences, text embeddings. For comparing
   * them with other programs; the page itself has no use for it.
   */
  probe: { args: ProbeRequest; result: ProbeResult };
  /**
   * The first terms of a candidate's trace computed again by this engine, whose backend is another one than the run's.
   * The candidate is one of the first round, drawn by the model without an adapter.
   */
  recheck: {
    args: {
      spec: MiTuneSpec;
      prompt: number;
      seed: number;
      squaredDifference: readonly number[];
      steps: number;
    };
    result: Recheck;
  };
  /** Keeps a warning with a run, and shows it. */
  keepWarning: { args: { runId: string; report: ErrorReport }; result: null };
  /** What the engine takes of the machine now, and since the last call that had `restart` true at most. */
  usage: { args: { restart: boolean }; result: Usage };
  /** As diffusers loads it; `exportFile` has the other formats. */
  exportAdapter: {
    args: { runId: string; which: 'best' | 'last'; version?: number };
    result: NamedBytes;
  };
  /** Progress comes in layers. A merged model is written to local storage first, and its progress comes in bytes. */
  exportFile: {
    args: {
      adapter: AdapterId;
      format: ExportName;
      /** Singular values kept per layer where a layer is approximated. */
      rank?: number;
      /** Whole differences at half precision. */
      half?: boolean;
    };
    result: ExportedFile;
  };
  /** Looks into an adapter, and beside another one where it is given. Progress comes in layers. */
  inspectAdapter: { args: { adapter: AdapterId; other: AdapterId | null }; result: AdapterFacts };
  /** The weighted sum of adapters as a new one of at most this rank, which is kept as if it had been imported. */
  mergeAdapters: {
    args: { parts: readonly MergePart[]; rank: number; name: string };
    result: { readonly report: AdapterReport; readonly losses: readonly LayerLoss[] };
  };
  exportSet: { args: { runId: string; round: number; version?: number }; result: NamedBytes };
  exportReport: { args: { runId: string }; result: NamedBytes };
  exportScores: { args: { runId: string }; result: NamedBytes };
  /** `config`: text of peft's adapter_config.json, where it came with the file. */
  importAdapter: { args: { name: string; bytes: Uint8Array; config?: string | null }; result: AdapterReport };
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
type AbortMessage = { readonly name: 'abort'; readonly id: number };
/** Asks for a sign of life. */
type PingMessage = { readonly name: 'ping' };
/** The first message to an engine that takes over from one that was ended: the lock that the other held while it lived. */
type SuccessorMessage = { readonly name: 'after'; readonly lock: string };
export type ClientMessage = RequestMessage | AbortMessage | PingMessage | SuccessorMessage;

export type EngineMessage =
  /**
   * Once the engine stands, and to every ping. It holds the lock of this name as long as it lives; the mark in the storage
   * that it works with is null where there is no storage.
   */
  | { readonly kind: 'alive'; readonly lock: string; readonly mark: string | null }
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly report: ErrorReport }
  | { readonly kind: 'event'; readonly runId: string; readonly event: JobEvent }
  /** Progress of a request that is not a job: model loading, downloading, comparing. */
  | {
      readonly kind: 'progress';
      readonly id: number;
      readonly done: number;
      readonly total: number;
      readonly unit: string;
      /** A sentence about what happens, where the numbers do not say it. */
      readonly note?: string;
    };
