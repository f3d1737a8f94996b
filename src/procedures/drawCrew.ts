/** Others that draw beside this worker, each with the model and the kernels of this one: they come to the same bits. */
import type { Adapter } from '../adapters/adapter.ts';
import type { LatentShape } from '../diffusion/latentNoise.ts';
import type { SchedulerConfig } from '../diffusion/schedulerConfig.ts';
import type { Cut } from '../mi/earlyStop.ts';

/** Images to be drawn by guidance alone, as plain data. */
export type RowsRequest = {
  readonly seeds: readonly number[];
  /** Most of them at once. */
  readonly batch: number;
  /** Where some are given up on the way; null where all are drawn to the end. */
  readonly cut: Cut | null;
  readonly latentShape: LatentShape;
  /** Embeddings without and with each image's prompt, and the shape of each, [N, L, D]. */
  readonly contexts: readonly [uncond: Float32Array, cond: Float32Array];
  readonly contextShape: readonly [number, number, number];
  readonly scheduler: { readonly config: SchedulerConfig; readonly steps: number };
  readonly guidance: number;
};

/** Some of the images that were asked for, drawn to the end. */
export type DrawnRows = {
  /** Which, by their places in the request. */
  readonly rows: readonly number[];
  /** Final latents, one after the other, and by image ||epsCond - epsUncond||^2 at each timestep. */
  readonly latents: Float32Array;
  readonly squaredDifference: readonly (readonly number[])[];
};

/** One that was given up, with its score so far. */
export type StoppedRow = { readonly row: number; readonly score: number };

/** All that came of a request. */
export type AllRows = { readonly drawn: readonly DrawnRows[]; readonly stopped: readonly StoppedRow[] };

/** One who draws. */
export type Drawer = {
  /**
   * @param adapter on the UNet; null for the base model
   * @param onSteps network steps done so far, as of `drawRows`
   * @returns null where it cannot, for whatever reason: the caller draws these images by itself
   */
  draw(
    request: RowsRequest,
    adapter: Adapter | null,
    options: { readonly signal: AbortSignal; readonly onSteps: (done: number) => void },
  ): Promise<AllRows | null>;
};

export type DrawCrew = {
  /**
   * Those who help with work of so many images times steps; nobody where it is over before they would have begun. While
   * anybody helps, this worker computes in one thread.
   */
  hire(steps: number): readonly Drawer[];
  /** They may rest. */
  release(): void;
};
