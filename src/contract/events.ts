/** What a running job tells: plain data, the same for the page, the command line and the stored report. */
import type { ErrorReport } from '../lib/errors.ts';
import type { Ranking } from './spec.ts';

/**
 * The stages of a round in order; a method goes through those that it names. `pool` draws and scores candidates,
 * `real-images` ranks those of the user.
 */
export const ROUND_STAGES = ['pool', 'real-images', 'select', 'train', 'evaluate'] as const;
export type RoundStage = (typeof ROUND_STAGES)[number];

export const STAGES = ['load', ...ROUND_STAGES, 'done'] as const;
export type StageName = (typeof STAGES)[number];

/** One image of the pool: its place, its seed and how it scored. */
export type CandidateRecord = {
  readonly round: number;
  /** Index into the run's prompt list. */
  readonly prompt: number;
  readonly candidate: number;
  readonly seed: number;
  /** Timesteps visited and the squared difference ||epsCond - epsUncond||^2 (sum over the latent) at each. */
  readonly trace: MiTrace;
  /** Score under the run's estimator, weights and truncation. */
  readonly score: number;
  /** Standard error over noise draws; only the re-noised path has one. */
  readonly standardError: number | null;
  /** What metrics say of the image; never used to select. */
  readonly metrics: MetricRecord;
};

/** A candidate that was stopped early, with the part of its score that was known by then. */
export type StoppedRecord = Picked & { readonly round: number; readonly score: number };

type MiTrace = { readonly t: readonly number[]; readonly squaredDifference: readonly number[] };

/** A question about an image, and how probable "yes" is; of a detector, what it looked for and its confidence. */
export type Asked = { readonly question: string; readonly probability: number };

/** What a metric says of one image: its number and, where it has them, further ones by key, and what it asked. */
export type Measured = {
  readonly value: number;
  readonly parts?: Readonly<Record<string, number>>;
  readonly asked?: readonly Asked[];
};

/** By the names of metrics (`metrics/registry.ts`); a metric that does not apply is absent. */
export type MetricRecord = Readonly<Record<string, Measured>>;

/** An image for the screen: RGBA, row by row. */
export type PixelImage = {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8ClampedArray;
};

export type TrainRecord = {
  readonly version: number;
  readonly round: number;
  readonly step: number;
  readonly loss: number;
  /** Global gradient norm before clipping. */
  readonly gradNorm: number;
  readonly learningRate: number;
};

export type ValidationRecord = {
  readonly version: number;
  readonly round: number;
  readonly step: number;
  /** Mean squared noise-prediction error on held-out selected images, same noise at every validation. */
  readonly loss: number;
  /** Re-noised orthogonal estimate on the same draws. */
  readonly mi: number;
  readonly best: boolean;
};

/**
 * Before and after on held-out prompts; where nothing was trained, without and with the method's way of drawing on the
 * run's first prompts. Intervals are 95%, over noise draws or over prompts.
 */
export type EvaluationRecord = {
  readonly version: number;
  readonly round: number;
  readonly adapterStep: number;
  /** Fall of the noise-prediction error on selected held-out images (positive is better); null where nothing was trained. */
  readonly errorFall: Interval | null;
  /** Of those images noised again; where nothing was trained, the score of pictures without and with the method's rule. */
  readonly mi: { readonly before: number; readonly after: number; readonly change: Interval };
  /** Metrics of fresh images on the same seeds, by name. */
  readonly metrics: Readonly<Record<string, MetricChange>>;
};
export type Interval = { readonly mean: number; readonly low: number; readonly high: number };

/** A metric before and after, on the same seeds; the interval is over prompts and images. */
export type MetricChange = {
  readonly before: MetricMean;
  readonly after: MetricMean;
  readonly change: Interval;
};

/** Means over images. */
export type MetricMean = Omit<Measured, 'asked'> & { readonly images: number };

/** An image of a held-out prompt while training goes on. */
export type Preview = {
  readonly version: number;
  readonly round: number;
  readonly step: number;
  readonly prompt: string;
  readonly image: PixelImage;
};

export type JobEvent =
  | { readonly type: 'stage'; readonly stage: StageName; readonly round: number }
  | {
      readonly type: 'progress';
      readonly stage: StageName;
      readonly done: number;
      readonly total: number;
      /** What is counted: `candidates`, `steps`, `images`, `bytes`. */
      readonly unit: string;
      readonly secondsLeft: number | null;
    }
  | {
      readonly type: 'candidates';
      readonly records: readonly CandidateRecord[];
      readonly images: readonly PixelImage[];
    }
  | { readonly type: 'stopped-early'; readonly records: readonly StoppedRecord[] }
  | ({ readonly type: 'selection' } & RoundSelection)
  | { readonly type: 'train'; readonly record: TrainRecord }
  | { readonly type: 'validation'; readonly record: ValidationRecord }
  | {
      readonly type: 'preview';
      readonly preview: Preview;
    }
  | { readonly type: 'checkpoint'; readonly round: number; readonly step: number }
  | { readonly type: 'evaluation'; readonly record: EvaluationRecord }
  | { readonly type: 'warning'; readonly report: ErrorReport }
  | {
      readonly type: 'stopped';
      readonly reason: 'paused' | 'canceled' | 'done' | 'failed';
      readonly report: ErrorReport | null;
    };

/**
 * The images of a round that are trained on: a version of its results, and under the number everything that was made from
 * it. A selection that changes after training becomes a new version beside the old one.
 */
export type RoundSelection = {
  /** Counts the versions of its round, from 0. */
  readonly version: number;
  readonly round: number;
  readonly picks: readonly Picked[];
  /** The ranking in use when it was last changed by the user; missing where the run's own stands. */
  readonly ranking?: Ranking;
};

/** One chosen image: index into the prompt list and candidate number. */
export type Picked = { readonly prompt: number; readonly candidate: number };
