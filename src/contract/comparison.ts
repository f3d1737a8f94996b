/** Images drawn in several ways on the same prompts and seeds. */
import type { MetricRecord, PixelImage } from './events.ts';
import type { MethodChoice, MiTuneSpec } from './spec.ts';

/**
 * Adapter of a run (`run:<id>`, or of one of its versions `run:<id>:<version>`), its best or with `:last` at the end its
 * last one; or an imported one (`import:<id>`).
 */
export type AdapterId = string;

/** One way to draw. */
export type CompareColumn = {
  /** Null for the base model. */
  readonly adapter: AdapterId | null;
  /** A method's way of drawing; guidance alone where absent. */
  readonly drawnBy?: MethodChoice;
  /** How far every weight goes from the model's to the adapter's: 1 (default) is the adapter as it was trained. */
  readonly strength?: number;
};

export type CompareRequest = {
  /** The first is what the others are compared with. */
  readonly columns: readonly CompareColumn[];
  readonly prompts: readonly string[];
  readonly seeds: readonly number[];
  readonly steps: number;
  readonly guidance: number;
  /** Corrected readings by prompt. */
  readonly readings?: MiTuneSpec['readings'];
  /** What the comparison is kept with, in place of the one before. */
  readonly keepWith: ComparedFor;
};

type ResultsVersion = { readonly runId: string; readonly round: number; readonly version: number };

/** The results that a comparison belongs to; null for one that was drawn without a run. */
export type ComparedFor = ResultsVersion | null;

export type ComparedImage = {
  readonly image: PixelImage;
  readonly score: number;
  readonly metrics: MetricRecord;
};

/** The same prompts and seeds in every column. */
export type Comparison = {
  readonly columns: readonly (CompareColumn & {
    /** Network evaluations of one image; where they depend on the image, the most. */
    readonly evaluations: number;
    /** Mean over its images, drawing alone. */
    readonly secondsPerImage: number;
  })[];
  readonly rows: readonly {
    readonly prompt: string;
    readonly seed: number;
    /** One for each column. */
    readonly images: readonly ComparedImage[];
  }[];
  readonly steps: number;
  readonly guidance: number;
};

/** A comparison that was just drawn, and whether it is stored: not where another tab works with its run. */
export type DrawnComparison = { readonly comparison: Comparison; readonly kept: boolean };
