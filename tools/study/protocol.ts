/** What the study asks of a page, and what it gets back: plain data, latents and adapters as base64. */
import type { AdapterKind, MethodChoice, SchedulerName } from '../../src/contract/spec.ts';
import type { Color } from '../../src/shapes/world.ts';

/** Candidates of one prompt. */
export type DrawRequest = {
  readonly kind: 'draw';
  readonly text: string;
  readonly seeds: readonly number[];
  /** File name of a stored adapter, or null for the base model. */
  readonly adapter: string | null;
  readonly scheduler: SchedulerName;
  readonly steps: number;
  readonly guidance: number;
  /** A method that draws, in place of guidance alone. */
  readonly rule?: MethodChoice;
  /** Digest of the base model that draws, where it is not the study's own. */
  readonly base?: string;
};

/** An object that the exact scorer found. */
type LayoutObject = {
  readonly shape: string | null;
  readonly color: Color;
  readonly texture: string;
  readonly size: string;
  readonly x: number;
  readonly y: number;
  readonly radius: number;
};

export type DrawnImage = {
  readonly seed: number;
  readonly latent: string;
  /** ||epsCond - epsUncond||^2 at each of the result's timesteps. */
  readonly trace: readonly number[];
  readonly share: number;
  readonly strict: boolean;
  /** Verdict on each claim of the prompt, in its order. */
  readonly claims: readonly boolean[];
  readonly objects: readonly LayoutObject[];
  /** Pixels covered by objects. */
  readonly area: number;
};

export type DrawResult = {
  readonly timesteps: readonly number[];
  readonly images: readonly DrawnImage[];
  /** Where the images were drawn elsewhere: how some of them were found when they were drawn again here. */
  readonly elsewhere?: Redrawn;
};

/** Images that were drawn again, and the largest differences, each relative to the largest value of its image. */
export type Redrawn = { readonly images: number; readonly latent: number; readonly trace: number };

/** Images of one prompt that were drawn elsewhere, to be scored. */
export type LookRequest = {
  readonly kind: 'look';
  readonly text: string;
  readonly scheduler: SchedulerName;
  readonly steps: number;
  readonly images: readonly Pick<DrawnImage, 'seed' | 'latent' | 'trace'>[];
};

export type CaptionedImage = { readonly text: string; readonly latent: string };

/** Finished images noised again, under the base model. */
export type MeasureRequest = {
  readonly kind: 'measure';
  readonly images: readonly CaptionedImage[];
  readonly timesteps: number;
  readonly draws: number;
};

/** Per image, one number per draw of the plan. */
export type Measured = {
  readonly difference: readonly number[];
  readonly uncond: readonly number[];
  readonly cond: readonly number[];
};
export type MeasureResult = {
  readonly plan: readonly { readonly t: number; readonly draw: number }[];
  readonly images: readonly Measured[];
};

/** Finished images under the second score, which chooses no image. */
export type MetricRequest = { readonly kind: 'metric'; readonly images: readonly CaptionedImage[] };
export type MetricResult = { readonly values: readonly number[] };

/** Rendered scenes with captions as the model's training had them, wrong ones included. */
export type RealRequest = { readonly kind: 'real'; readonly first: number; readonly count: number };
export type RealResult = { readonly images: readonly CaptionedImage[] };

export type TrainRequest = {
  readonly kind: 'train';
  readonly images: readonly CaptionedImage[];
  readonly adapter: AdapterKind;
  readonly rank: number;
  readonly textEncoder: boolean;
  readonly learningRate: number;
  readonly batch: number;
  /** Optimizer steps at which the adapter is kept, ascending; the last one ends training. */
  readonly keepAt: readonly number[];
  readonly seed: number;
  /** File name of the adapter to go on from, or null for a fresh one. */
  readonly start: string | null;
};
/** A round of a method on a pool. */
export type TuneRequest = {
  readonly kind: 'tune';
  readonly method: MethodChoice;
  /** All candidates with their MI; `prompt` numbers the texts. */
  readonly pool: readonly (CaptionedImage & {
    readonly prompt: number;
    readonly candidate: number;
    readonly seed: number;
    readonly score: number;
  })[];
  readonly keep: number;
  readonly adapter: AdapterKind;
  readonly rank: number;
  readonly learningRate: number;
  readonly batch: number;
  readonly iterations: number;
  /** Sampling of the pool, for methods that draw while they train. */
  readonly steps: number;
  readonly guidance: number;
  readonly seed: number;
  /** The adapter that drew the pool and that training goes on from; null for the base model and a fresh one. */
  readonly start: string | null;
};
export type TrainResult = {
  readonly losses: readonly number[];
  readonly adapters: readonly { readonly step: number; readonly file: string }[];
};

export type PageRequest =
  | DrawRequest
  | LookRequest
  | MeasureRequest
  | MetricRequest
  | RealRequest
  | TrainRequest
  | TuneRequest;
export type PageResult = DrawResult | MeasureResult | MetricResult | RealResult | TrainResult;

/** What a machine takes, in milliseconds: a network evaluation, decoding and scoring an image, a training sample. */
export type Speed = {
  readonly evaluationMs: number;
  readonly imageMs: number;
  readonly sampleMs: number;
};

export type PageInfo = { readonly backend: string };

/** Where pages find the adapters of the work folder. */
export const ADAPTER_PATH = '/study-adapters/';
/** Where pages find the model. */
export const MODEL_PATH = '/study-model/';
/** Where pages find another base model. */
export const basePath = (digest: string): string => `/study-base/${digest}/`;
