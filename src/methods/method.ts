/**
 * What a method is: a value that says all that the page, the forecast, the command line, the runner and the report ask
 * about it. Nothing else knows a method by name. Values are light, the page imports them; their mathematics lies in
 * `code/` and is loaded by the engine when a run needs it.
 */
import type { RoundStage } from '../contract/events.ts';
import type { Field, FieldValue } from '../contract/field.ts';
import type { Settings } from '../contract/spec.ts';

export type Method = {
  /** Stable: stored in runs, used on the command line and in addresses. */
  readonly name: string;
  readonly title: string;
  /** One or two plain sentences for the user. */
  readonly summary: string;
  readonly source: Source;
  /** What differs from the source and why; empty where nothing does. */
  readonly differences: readonly string[];
  /** A warning where the method is not established; null otherwise. */
  readonly experimental: string | null;
  readonly needs: Needs;
  /** Stages of one round, a part of `ROUND_STAGES` in its order. */
  readonly stages: readonly RoundStage[];
  /** True where images are drawn by a rule of its own; it can then also draw under an adapter of another method. */
  readonly draws: boolean;
  /** Why every candidate must be drawn to the end, as the rest of a sentence; null where the best of each prompt are enough. */
  readonly wholePool: string | null;
  readonly options: readonly Option[];
  /** Network evaluations (one sample with one context once through the UNet), at these settings. */
  cost(settings: Settings, options: Options): Cost;
  /** Images that stay in memory with every latent of their way while it trains; none where absent. */
  keeps?(options: Options): number;
};

/** A method that trains on the pool, whose images guidance alone has drawn. */
export const TRAINS_ON_POOL = {
  stages: ['pool', 'select', 'train', 'evaluate'],
  draws: false,
} as const satisfies Pick<Method, 'stages' | 'draws'>;

/** A method that draws by a rule of its own and trains nothing. */
export const DRAWS_IMAGES = {
  stages: ['pool', 'evaluate'],
  draws: true,
  wholePool: 'selects nothing, so no image is hopeless',
} as const satisfies Pick<Method, 'stages' | 'draws' | 'wholePool'>;

type Source = {
  readonly paper: string;
  /** Repository and commit that the numbers were checked against; null where there is no code. */
  readonly code: string | null;
  /** License of that code; null where there is none. */
  readonly license: string | null;
};

type Needs = {
  /** Reads or replaces attention maps while sampling: stored scores take memory. */
  readonly attention: boolean;
  /** Gradients with respect to the latent while sampling, or to the adapter while training. */
  readonly gradients: 'none' | 'latent' | 'adapter';
  /** Which words are objects and which belong together, read from the prompt and editable. */
  readonly reading: boolean;
  /** A score of finished images from the metrics registry, named by the option `reward`. */
  readonly reward: boolean;
};

export type Cost = {
  /** Evaluations to draw one image; where it depends on the image, the most. */
  readonly perImage: number;
  /** Evaluations of one optimizer step; a backward pass counts as two. 0 where nothing is trained. */
  readonly perUpdate: number;
};

/** A setting of the method itself, with its default and where that comes from. */
export type Option = Field & {
  readonly key: string;
  /** A section of the paper, a line of the code, or our measurement. */
  readonly origin: string;
  readonly default: FieldValue;
};

/** A value for each option of the method. */
export type Options = Readonly<Record<string, FieldValue>>;

/** Evaluations that the scheduler asks for: PNDM goes through its second timestep twice. */
export function samplerSteps({ sampling }: Pick<Settings, 'sampling'>): number {
  return sampling.steps + (sampling.scheduler === 'pndm' ? 1 : 0);
}

/** Guidance needs every step with and without the prompt. */
export const GUIDED_EVALUATIONS = 2;

/** Evaluations of an image that guidance alone draws. */
export function guidedEvaluations(settings: Pick<Settings, 'sampling'>): number {
  return samplerSteps(settings) * GUIDED_EVALUATIONS;
}

/** A forward and a backward pass: activations and adapters get a gradient, frozen weights do not. */
export const TRAINED_EVALUATIONS = 3;

/**
 * Cost of a method that draws by guidance alone and trains: rows of a sample that are differentiated, and rows of the
 * base model beside them.
 */
export function trainingCost(
  settings: Settings,
  { rows, referenceRows }: { readonly rows: number; readonly referenceRows: number },
): Cost {
  const samples = settings.training.batch * settings.training.accumulation;
  return {
    perImage: guidedEvaluations(settings),
    perUpdate: samples * (rows * TRAINED_EVALUATIONS + referenceRows),
  };
}
