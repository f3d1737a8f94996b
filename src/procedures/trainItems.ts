import { denoising, type Objective } from '../training/objectives.ts';
import type { CaptionedLatent } from './measureSet.ts';

/** An image to train on, with what a method sets beside it. */
export type TrainItem = CaptionedLatent & {
  /** Its weight in the loss; 1 where absent. */
  readonly weight?: number;
  /** Rows that share its noise and timestep: a worse image of its prompt, another caption, ... */
  readonly beside?: readonly CaptionedLatent[];
};

/** What one round minimizes, on which rows. */
export type Tuning = {
  readonly objective: Objective;
  /**
   * Which of an item's `beside` rows a micro-batch uses, from a number in [0, 1) that is drawn for it; all of them where
   * absent.
   */
  readonly pick?: (draw: number) => readonly number[];
  /** Learning rate of the text encoder's adapter as a share of the UNet's; 1 where absent. */
  readonly textRate?: number;
};

/** MI-TUNE's: Equation 1 on the selected images. */
export const plainTuning: Tuning = { objective: denoising };
