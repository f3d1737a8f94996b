/** Formats that an adapter is handed out in, for engine, page and command line. */

export type ExportFormat = 'diffusers' | 'kohya' | 'comfyui' | 'diff';
/** `merged`: no adapter file but the whole model with the adapter in its weights. */
export type ExportName = ExportFormat | 'merged';

export const EXPORT_NAMES = [
  'diffusers',
  'kohya',
  'comfyui',
  'diff',
  'merged',
] as const satisfies ExportName[];

/** What a file of each format is called on the page, and by programs that drive it. */
export const EXPORT_TITLES: Readonly<Record<ExportName, string>> = {
  diffusers: 'diffusers file',
  kohya: 'low-rank file',
  comfyui: 'ComfyUI file',
  diff: 'difference file',
  merged: 'merged model',
};

/** Relative error of a layer's weight difference as a file holds it: ||difference - held|| / ||difference||. */
export type LayerLoss = { readonly module: string; readonly residual: number };

/** Singular values that a low-rank file keeps per layer where the difference has more. */
export const LOW_RANK = 64;

/** One layer of an adapter, measured. */
export type LayerFacts = {
  readonly module: string;
  /** Rank and alpha as the file has them; null for a whole difference. */
  readonly rank: number | null;
  readonly alpha: number | null;
  /** ||W' - W||, and in parts of ||W||. */
  readonly norm: number;
  readonly relative: number;
  /** Singular values of B A that make up 99% of its square; null for a whole difference. */
  readonly usedRank: number | null;
  /** Mean of |m / n - 1|, how far DoRA's magnitudes moved weights; null for LoRA. */
  readonly scaling: number | null;
};

/** A layer of two adapters side by side. */
export type LayerDistance = {
  readonly module: string;
  /** ||difference of both W'|| in parts of the larger ||W' - W||. */
  readonly distance: number;
  /** Cosine between both W' - W; null where one does nothing. */
  readonly cosine: number | null;
};

/** An adapter looked into. */
export type AdapterFacts = {
  readonly name: string;
  readonly format: AdapterFormatName;
  readonly kind: AdapterKindName;
  readonly notes: readonly string[];
  readonly layers: readonly LayerFacts[];
  readonly norm: number;
  readonly comparison: {
    readonly name: string;
    readonly layers: readonly LayerDistance[];
    /** Over all layers, as in `LayerDistance`. */
    readonly distance: number;
    readonly cosine: number | null;
  } | null;
};

export type AdapterFormatName = 'diffusers' | 'peft' | 'kohya' | 'run';
export type AdapterKindName = 'lora' | 'dora' | 'difference';

export type MergePart = { readonly adapter: string; readonly weight: number };
