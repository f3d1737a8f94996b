/**
 * What a MI-TUNE run is asked to do, as plain data: it can be stored, put into a file, sent to a worker
 * or to another machine, and it gives the same run there. Symbols as in the paper (arXiv 2405.20759).
 */
import { BACKENDS } from './backend.ts';
import type { FieldValue } from './field.ts';

export const BACKEND_CHOICES = ['auto', ...BACKENDS] as const;
export type BackendChoice = (typeof BACKEND_CHOICES)[number];

export const SCHEDULERS = ['ddpm', 'ddim', 'euler', 'pndm', 'dpmpp2m'] as const;
export type SchedulerName = (typeof SCHEDULERS)[number];

/** What a network predicts: the noise, or the velocity v. */
export const PREDICTIONS = ['epsilon', 'v_prediction'] as const;
export type Prediction = (typeof PREDICTIONS)[number];

/**
 * Weights of the squared difference at each timestep, see `mi/kappa.ts`.
 *
 * `eq2`, `code`, `posterior`: mean of kappa x term over the kept terms.
 * `dlogsnr`: sum over the kept terms of half the log-SNR step x term, true to the grid that was visited.
 * `none`: plain sum of the kept terms, a baseline without units.
 */
export const WEIGHTS = ['eq2', 'code', 'posterior', 'dlogsnr', 'none'] as const;
export type WeightsName = (typeof WEIGHTS)[number];

/**
 * Where the noise predictions that are scored come from.
 *
 * `guided`: the sampling path with guidance (the official code's way, a ranking).
 * `conditional`: the sampling path of the conditional model alone (Algorithm 2 to the letter).
 * `renoise`: the finished latent, noised again; also for real images.
 */
export const PATHS = ['guided', 'conditional', 'renoise'] as const;
export type PathName = (typeof PATHS)[number];

/** `orthogonal`: squared difference, never negative. `standard`: difference of errors, re-noised path only. */
export const ESTIMATORS = ['orthogonal', 'standard'] as const;
export type EstimatorName = (typeof ESTIMATORS)[number];

export const ADAPTER_KINDS = ['dora', 'lora'] as const;
export type AdapterKind = (typeof ADAPTER_KINDS)[number];

/** What becomes of repeated prompts: the official code keeps one folder per prompt text, so they collapse into one. */
export const DUPLICATE_RULES = ['keep', 'collapse'] as const;
type DuplicateRule = (typeof DUPLICATE_RULES)[number];

/** `shared` gives candidate j the seed `seed + j` whatever the prompt, as the official code does. */
export const SEED_RULES = ['distinct', 'shared'] as const;
type SeedRule = (typeof SEED_RULES)[number];

export const PRESET_NAMES = ['demo', 'paper', 'official-code'] as const;
export type PresetName = (typeof PRESET_NAMES)[number];

/** A model folder in diffusers layout: below an address, or imported by the user into local storage. */
export type ModelRef =
  | { readonly kind: 'url'; readonly base: string }
  | { readonly kind: 'local'; readonly id: string };

/** Whether two references name one model. */
export function sameRef(a: ModelRef, b: ModelRef): boolean {
  return a.kind === 'url' ? b.kind === 'url' && a.base === b.base : b.kind === 'local' && a.id === b.id;
}

/** A method of `methods/registry.ts` by name, with values of the options that it declares; absent ones have their defaults. */
export type MethodChoice = {
  readonly name: string;
  readonly options: Readonly<Record<string, FieldValue>>;
};

/** What a prompt speaks of, in its own words. The same words again mean their next occurrence. */
export type Reading = {
  /** Words that name objects, e.g. `bear`. */
  readonly objects: readonly string[];
  /** Noun phrases of more than one word, e.g. `a red teddy bear`. */
  readonly phrases: readonly string[];
};

type SamplingSpec = {
  readonly scheduler: SchedulerName;
  readonly steps: number;
  /** Guidance scale w in epsUncond + w (epsCond - epsUncond). */
  readonly guidance: number;
  /** Candidates per network call; each is evaluated with and without its prompt. */
  readonly batch: number;
  /** Height and width of the images in pixels; null for the model's own. */
  readonly size: number | null;
};

export type ScoreSpec = {
  readonly estimator: EstimatorName;
  readonly path: PathName;
  readonly weights: WeightsName;
  /** Only steps with t strictly above this count; the official code uses 50, the paper none (0). */
  readonly truncation: number;
  /** Noise draws per timestep of the grid on the re-noised path. */
  readonly noiseDraws: number;
};

type SelectionSpec = {
  /** M: images drawn per prompt. */
  readonly candidates: number;
  /** k: images kept per prompt. */
  readonly keep: number;
  /** R: how often the set is drawn anew from the tuned model. */
  readonly rounds: number;
  readonly duplicates: DuplicateRule;
  readonly seeds: SeedRule;
  /** Candidates with a low score after the first steps are not drawn to the end, see `earlyStop.ts`. */
  readonly earlyStop: boolean;
};

/** What decides the order of a stored pool: all of it can change without a network evaluation. */
export type Ranking = Pick<ScoreSpec, 'weights' | 'truncation'> & Pick<SelectionSpec, 'candidates' | 'keep'>;

/** alpha = rank throughout, as in the paper: the file formats that diffusers reads have no place for another. */
type AdapterSpec = {
  readonly kind: AdapterKind;
  readonly rank: number;
  /** Adapt the text encoder as well (the paper's joint variant). */
  readonly textEncoder: boolean;
};

/** Settings of the optimizer and its batches. */
export type OptimizerOptions = {
  /** Images per micro-batch; `batch * accumulation` images make one optimizer step. */
  readonly batch: number;
  readonly accumulation: number;
  readonly learningRate: number;
  /** Steps of linear warm-up before the constant rate; 0 for none. */
  readonly warmup: number;
  /** Largest global gradient norm, or null for no clipping. */
  readonly clip: number | null;
  readonly weightDecay: number;
  /** Also step at the end of every pass over the set, as the official script does. */
  readonly flushAtEpochEnd: boolean;
};

type TrainingSpec = OptimizerOptions & {
  /** Optimizer steps per round. */
  readonly iterations: number;
  /** Start every round from a fresh adapter, as the official script does, instead of going on. */
  readonly freshAdapterEachRound: boolean;
  /** Share of distinct prompts held out before anything else. */
  readonly validationShare: number;
  /** The last checkpoint is the round's adapter, not the one with the least error on held-out prompts. */
  readonly keepLast: boolean;
  /** Steps between validations and checkpoints. */
  readonly checkpointEvery: number;
  /** Steps between preview images, or 0 for none. */
  readonly previewEvery: number;
};

export type RealImagesSpec = {
  /** Identifier of an imported folder of captioned images. */
  readonly folder: string;
  /** Share of the training set taken from the folder's best-scored images. */
  readonly share: number;
};

/** A metric of `metrics/registry.ts` that measures every image of a run beside its score; it never selects. */
export type MetricChoice = {
  readonly name: string;
  /** Where its network lies; null for the one that comes with the page or was downloaded for it. */
  readonly model: ModelRef | null;
  /** What it asks about instead of what it finds in prompts; absent where nothing was changed. */
  readonly phrases?: EditedPhrases;
};

/** Noun phrases by prompt, where a user has changed them; an empty list asks nothing. */
export type EditedPhrases = Readonly<Record<string, readonly string[]>>;

export type MiTuneSpec = {
  readonly version: 1;
  readonly preset: PresetName | 'custom';
  /** What the run does; absent in runs of earlier versions, which are MI-TUNE's. */
  readonly method?: MethodChoice;
  /** An inference-time method that draws the images of another method's run; absent for classifier-free guidance alone. */
  readonly drawnBy?: MethodChoice;
  /** Corrected readings by prompt; others are read by the grammar. */
  readonly readings?: Readonly<Record<string, Reading>>;
  readonly model: ModelRef;
  readonly prompts: readonly string[];
  /** Base seed; every random number of the run follows from it. */
  readonly seed: number;
  readonly backend: BackendChoice;
  readonly sampling: SamplingSpec;
  readonly score: ScoreSpec;
  readonly selection: SelectionSpec;
  readonly adapter: AdapterSpec;
  readonly training: TrainingSpec;
  readonly realImages: RealImagesSpec | null;
  /** Absent for those that measure the model's images by themselves. */
  readonly metrics?: readonly MetricChoice[];
};

/** The part of a spec that a preset decides. */
export type Settings = Omit<
  MiTuneSpec,
  | 'version'
  | 'preset'
  | 'method'
  | 'drawnBy'
  | 'readings'
  | 'model'
  | 'prompts'
  | 'seed'
  | 'backend'
  | 'realImages'
  | 'metrics'
>;

/** The ranking that a run was asked for. */
export function rankingOf({ score, selection }: Pick<MiTuneSpec, 'score' | 'selection'>): Ranking {
  const { weights, truncation } = score;
  return { weights, truncation, candidates: selection.candidates, keep: selection.keep };
}
