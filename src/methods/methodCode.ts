import type { MetricRecord, Picked } from '../contract/events.ts';
import type { MiTuneSpec, Reading } from '../contract/spec.ts';
import type { ScoreOptions } from '../procedures/drawAndScore.ts';
import type { DrawRule } from '../procedures/drawRule.ts';
import type { Session } from '../procedures/session.ts';
import type { OwnState, StepSource } from '../procedures/stepSource.ts';
import type { TrainItem, Tuning } from '../procedures/trainItems.ts';
import type { Tuned } from '../procedures/tuned.ts';
import type { Options } from './method.ts';

/** What a prompt speaks of: as the user corrected it, else as the grammar reads it. */
type ReadPrompt = (text: string) => Promise<Reading>;

export type MakeDrawRule = (options: Options, read: ReadPrompt) => DrawRule;

/** A candidate of the round's pool with its score (MI) and what metrics say of it. */
export type Ranked = Picked & {
  readonly text: string;
  readonly score: number;
  readonly metrics: MetricRecord;
};

/** One with the seed that it was drawn from. */
export type PoolCandidate = Ranked & { readonly seed: number };

/** What a method trains on and how. */
export type MethodTuning = {
  readonly tuning: Tuning;
  /**
   * Which candidates train, `keep` of each prompt where the method counts; those with the largest MI where absent. The
   * user may choose others.
   * @throws StudioError `rewards-missing`, `rewards-many`
   */
  readonly select?: (pool: readonly Ranked[], keep: number) => readonly Picked[];
  /**
   * Draws while it trains, in place of a set. The last adapter is then the result: held-out errors say nothing about
   * it.
   */
  readonly online?: (request: OnlineRequest) => Promise<StepSource>;
  /** The set made of the chosen candidates; each with its caption where absent. */
  readonly items?: (request: ItemRequest) => readonly TrainItem[];
};

export type ItemRequest = {
  readonly chosen: readonly Ranked[];
  /** All candidates of prompts that are not held out. */
  readonly pool: readonly Ranked[];
  readonly latent: (candidate: Picked) => Float32Array;
  readonly seed: number;
};

/** What is given to a method that draws while it trains. */
export type OnlineRequest = {
  readonly session: Session;
  readonly spec: Pick<MiTuneSpec, 'prompts' | 'sampling' | 'training' | 'adapter'>;
  readonly score: ScoreOptions;
  /** Guidance of the run's sampling path. */
  readonly guidance: number;
  /** Prompts that are not held out. */
  readonly prompts: readonly { readonly prompt: number; readonly text: string }[];
  /** The round's candidates of these prompts. */
  readonly pool: readonly PoolCandidate[];
  /** The model that drew the pool, for the caller to dispose; null for the base model. */
  readonly poolModel: () => Promise<Tuned | null>;
  readonly seed: number;
  /** What was saved when this round was stopped before; null at its start. */
  readonly from: OwnState | null;
  readonly signal: AbortSignal;
};

export type MakeTuning = (options: Options) => MethodTuning;

/** The mathematics of a method: what a file of `code/` exports. */
export type MethodCode = {
  /** The rule that images are drawn by, where the method has one. */
  readonly drawRule?: MakeDrawRule;
  /** What it trains on and how; MI-TUNE's way where absent. */
  readonly tuning?: MakeTuning;
};
