/**
 * What the study measures and how much of it: everything that a table rests on is declared here, per size.
 *
 * Sizes are nested where it costs nothing: prompts and candidates of a smaller size are the first ones of a larger
 * size, so a study that goes on at a larger size draws nothing twice.
 */
import { presetSettings } from '../../src/contract/presets.ts';
import type { ScoreOptions } from '../../src/mi/score.ts';
import { CATEGORIES, type Category } from '../../src/shapes/world.ts';

/** The categories of T2I-CompBench: two objects each. */
const PAIR_CATEGORIES: readonly Category[] = CATEGORIES.filter((name) => name !== 'single');

const DEMO = presetSettings('demo');

const OFFICIAL_CODE = presetSettings('official-code');

/** MI as the official code has it: it selects in the arm `mi`, and is the reference of the comparisons in part 1. */
export const REFERENCE_SCORE = {
  weights: OFFICIAL_CODE.score.weights,
  truncation: OFFICIAL_CODE.score.truncation,
} as const satisfies ScoreOptions;

export const GUIDANCE = DEMO.sampling.guidance;

/** What the paper and its scripts fix and the study does not vary. */
export const TRAINING = {
  accumulation: 1,
  warmup: 0,
  clip: 1,
  weightDecay: 1e-2,
  flushAtEpochEnd: false,
} as const;

/**
 * A score that can choose images. `guided`: the reference, `guided, all t`: without truncation; `re-noised …`: of the
 * finished image, by the two estimators of `src/mi/renoisedScore.ts`.
 */
export type SelectionScore = 'guided' | 'guided, all t' | 're-noised orthogonal' | 're-noised standard';

/** How an adapter is trained: what `tune` chooses on validation prompts, and what part 3 varies. */
export type Settings = {
  readonly learningRate: number;
  readonly iterations: number;
  readonly keep: number;
  readonly batch: number;
  readonly rank: number;
  readonly kind: 'dora' | 'lora';
  readonly textEncoder: boolean;
  /** What ranks best on validation prompts; it has an arm of its own beside the reference. */
  readonly score: SelectionScore;
};

/** Settings before anything is tuned: the demo's, with the score that costs most. Budgets are estimated with them. */
export const UNTUNED: Settings = {
  learningRate: DEMO.training.learningRate,
  iterations: DEMO.training.iterations,
  keep: DEMO.selection.keep,
  batch: DEMO.training.batch,
  rank: DEMO.adapter.rank,
  kind: DEMO.adapter.kind,
  textEncoder: DEMO.adapter.textEncoder,
  score: 're-noised standard',
};

/** All prompt counts are per category. */
export type Design = {
  readonly name: string;
  readonly categories: readonly Category[];
  /** DDPM steps of pools and candidates drawn together; DDIM steps of evaluation images, and these together. */
  readonly steps: number;
  readonly block: number;
  readonly evaluationSteps: number;
  readonly evaluationBlock: number;
  readonly batch: number;
  readonly rank: { readonly prompts: number; readonly unseen: number; readonly candidates: number };
  /** Other guidance scales, on fewer prompts. Scale 1 is the conditional path. */
  readonly guidances: {
    readonly scales: readonly number[];
    readonly prompts: number;
    readonly candidates: number;
  };
  readonly renoise: { readonly timesteps: number; readonly draws: number; readonly prompts: number };
  /** Pools as deep as the paper's, whose first, middle and last candidates section 3.1 compares. */
  readonly deep: { readonly prompts: number; readonly candidates: number };
  /** Pools of the main prompts that other base models draw; the study's own are a part of the main pools. */
  readonly bases: { readonly prompts: number; readonly candidates: number };
  /** Replicates (seeds) are whole pipelines: own candidates, own adapter start, own order and noises. */
  readonly pool: { readonly prompts: number; readonly candidates: number; readonly replicates: number };
  /**
   * Ablations and rounds may be judged on fewer prompts than the arms: on the first ones. Some arms are judged on the
   * first of their own training prompts too.
   */
  readonly test: {
    readonly prompts: number;
    readonly ablationPrompts: number;
    readonly trainingPrompts: number;
    readonly images: number;
  };
  readonly tune: {
    readonly learningRates: readonly number[];
    readonly iterations: readonly number[];
    readonly keeps: readonly number[];
    readonly prompts: number;
    readonly images: number;
  };
  /** Pools of validation prompts, and how images are noised again to choose among them. */
  readonly selection: {
    readonly prompts: number;
    readonly candidates: number;
    readonly timesteps: number;
    readonly draws: number;
  };
  /** How much training it takes to pass a choice on: k of the candidates of all replicates, and more steps. */
  readonly dose: {
    readonly keep: number;
    readonly iterations: readonly number[];
    readonly replicates: number;
  };
  readonly categoryAdapters: { readonly replicates: number };
  readonly rounds: {
    readonly count: number;
    readonly prompts: number;
    readonly candidates: number;
    readonly replicates: number;
  };
  readonly ablations: {
    readonly replicates: number;
    readonly keeps: readonly number[];
    readonly promptCounts: readonly number[];
    readonly realShares: readonly number[];
    /** M of Table 6, on one stored pool of the largest M and of this many prompts. */
    readonly candidates: readonly number[];
    readonly ladderPrompts: number;
  };
};

const SAMPLING = {
  categories: PAIR_CATEGORIES,
  steps: DEMO.sampling.steps,
  block: DEMO.sampling.batch,
  evaluationSteps: 20,
  evaluationBlock: 4,
  batch: DEMO.training.batch,
} as const;

const REAL_SHARES = [0.25, 0.5, 0.9] as const;

/** Seconds: proves that every part of the machinery works, and nothing else. */
const QUICK: Design = {
  name: 'quick',
  categories: ['color', 'spatial'],
  steps: 4,
  block: 3,
  evaluationSteps: 3,
  evaluationBlock: 3,
  batch: 2,
  rank: { prompts: 1, unseen: 1, candidates: 3 },
  guidances: { scales: [1], prompts: 1, candidates: 3 },
  renoise: { timesteps: 2, draws: 2, prompts: 1 },
  deep: { prompts: 1, candidates: 5 },
  bases: { prompts: 1, candidates: 3 },
  pool: { prompts: 1, candidates: 3, replicates: 1 },
  test: { prompts: 1, ablationPrompts: 1, trainingPrompts: 1, images: 3 },
  tune: { learningRates: [1e-4], iterations: [1], keeps: [1], prompts: 1, images: 3 },
  selection: { prompts: 1, candidates: 3, timesteps: 2, draws: 1 },
  dose: { keep: 2, iterations: [2], replicates: 1 },
  categoryAdapters: { replicates: 1 },
  rounds: { count: 2, prompts: 1, candidates: 3, replicates: 1 },
  ablations: {
    replicates: 1,
    keeps: [2],
    promptCounts: [],
    realShares: [0.5],
    candidates: [2],
    ladderPrompts: 1,
  },
};

/** Two to three hours on two cores. */
const AFTERNOON: Design = {
  name: 'afternoon',
  ...SAMPLING,
  rank: { prompts: 12, unseen: 1, candidates: 16 },
  guidances: { scales: [1, 4, 7.5], prompts: 4, candidates: 16 },
  renoise: { timesteps: 10, draws: 2, prompts: 12 },
  deep: { prompts: 4, candidates: 50 },
  bases: { prompts: 6, candidates: 8 },
  pool: { prompts: 20, candidates: 8, replicates: 3 },
  test: { prompts: 12, ablationPrompts: 6, trainingPrompts: 6, images: 4 },
  tune: { learningRates: [1e-4, 3e-4, 1e-3], iterations: [100, 300], keeps: [1], prompts: 4, images: 4 },
  selection: { prompts: 6, candidates: 16, timesteps: 10, draws: 1 },
  dose: { keep: 3, iterations: [300], replicates: 3 },
  categoryAdapters: { replicates: 3 },
  rounds: { count: 3, prompts: 4, candidates: 8, replicates: 3 },
  ablations: {
    replicates: 3,
    keeps: [2, 4],
    promptCounts: [5, 10],
    realShares: REAL_SHARES,
    candidates: [30, 50, 100, 500],
    ladderPrompts: 2,
  },
};

/** About five hours. */
const EVENING: Design = {
  name: 'evening',
  ...SAMPLING,
  rank: { prompts: 16, unseen: 4, candidates: 32 },
  guidances: { scales: [1, 2, 7.5], prompts: 8, candidates: 16 },
  renoise: { timesteps: 10, draws: 4, prompts: 8 },
  deep: { prompts: 8, candidates: 50 },
  bases: { prompts: 12, candidates: 16 },
  pool: { prompts: 12, candidates: 16, replicates: 3 },
  test: { prompts: 8, ablationPrompts: 8, trainingPrompts: 8, images: 8 },
  tune: {
    learningRates: [1e-4, 3e-4, 1e-3],
    iterations: [60, 120, 240],
    keeps: [1, 2],
    prompts: 4,
    images: 4,
  },
  selection: { prompts: 8, candidates: 24, timesteps: 10, draws: 1 },
  dose: { keep: 6, iterations: [300, 900], replicates: 3 },
  categoryAdapters: { replicates: 3 },
  rounds: { count: 3, prompts: 8, candidates: 16, replicates: 3 },
  ablations: {
    replicates: 3,
    keeps: [2, 4],
    promptCounts: [3, 6],
    realShares: REAL_SHARES,
    candidates: [4, 8, 32, 64],
    ladderPrompts: 8,
  },
};

/** The paper's numbers where twelve hours allow them. */
const FULL: Design = {
  name: 'full',
  ...SAMPLING,
  rank: { prompts: 24, unseen: 8, candidates: 48 },
  guidances: { scales: [1, 2, 7.5], prompts: 10, candidates: 32 },
  renoise: { timesteps: 10, draws: 4, prompts: 10 },
  deep: { prompts: 24, candidates: 50 },
  bases: { prompts: 24, candidates: 16 },
  pool: { prompts: 16, candidates: 50, replicates: 3 },
  test: { prompts: 12, ablationPrompts: 12, trainingPrompts: 12, images: 8 },
  tune: {
    learningRates: [1e-4, 3e-4, 1e-3],
    iterations: [60, 120, 300],
    keeps: [1, 3],
    prompts: 4,
    images: 4,
  },
  selection: { prompts: 12, candidates: 32, timesteps: 10, draws: 1 },
  dose: { keep: 10, iterations: [1000], replicates: 3 },
  categoryAdapters: { replicates: 3 },
  rounds: { count: 3, prompts: 8, candidates: 16, replicates: 3 },
  ablations: {
    replicates: 3,
    keeps: [3, 7],
    promptCounts: [4, 8],
    realShares: REAL_SHARES,
    candidates: [30, 50, 100, 500],
    ladderPrompts: 6,
  },
};

/** Smallest first. */
export const DESIGNS: readonly Design[] = [QUICK, AFTERNOON, EVENING, FULL];

export function findDesign(name: string): Design | undefined {
  return DESIGNS.find((design) => design.name === name);
}
