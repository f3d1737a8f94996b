import type { MetricRecord, Picked } from '../contract/events.ts';
import type { Reading } from '../contract/spec.ts';
import type { DrawRule } from '../procedures/drawRule.ts';
import type { TrainItem, Tuning } from '../procedures/trainItems.ts';
import type { Options } from './method.ts';

/** What a prompt speaks of: as the user corrected it, else as the grammar reads it. */
export type ReadPrompt = (text: string) => Promise<Reading>;

export type MakeDrawRule = (options: Options, read: ReadPrompt) => DrawRule;

/** A candidate of the round's pool with its score (MI) and what metrics say of it. */
export type Ranked = Picked & {
  readonly text: string;
  readonly score: number;
  readonly metrics: MetricRecord;
};

/** What a method trains on and how. */
export type MethodTuning = {
  readonly tuning: Tuning;
  /** Which candidates train; the k with the largest MI of each prompt where absent. The user may choose others. */
  readonly select?: (pool: readonly Ranked[]) => readonly Picked[];
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

export type MakeTuning = (options: Options) => MethodTuning;

/** The mathematics of a method: what a file of `code/` exports. */
export type MethodCode = {
  /** The rule that images are drawn by, where the method has one. */
  readonly drawRule?: MakeDrawRule;
  /** What it trains on and how; MI-TUNE's way where absent. */
  readonly tuning?: MakeTuning;
};
