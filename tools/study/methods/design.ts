/** What the comparison of methods measures and how much of it: the paper's Table 1 on the shapes world. */
import { presetSettings } from '../../../src/contract/presets.ts';
import type { MethodChoice, Settings } from '../../../src/contract/spec.ts';
import { type Cost, type Method, samplerSteps } from '../../../src/methods/method.ts';
import { chosenMethod, METHODS } from '../../../src/methods/registry.ts';
import { CATEGORIES, type Category } from '../../../src/shapes/world.ts';
import { GUIDANCE, TRAINING } from '../design.ts';
import type { DrawDesign } from '../draws.ts';

export type MethodsDesign = DrawDesign & {
  readonly name: string;
  /** Two objects each. Prompt counts are per category. */
  readonly categories: readonly Category[];
  /** The pool that all methods of a seed share. */
  readonly pool: { readonly prompts: number; readonly candidates: number; readonly keep: number };
  readonly test: { readonly prompts: number; readonly images: number };
  readonly seeds: number;
  /** Network evaluations that a method may spend on training, what it draws on the way included. */
  readonly trainingBudget: number;
  readonly rank: number;
  readonly batch: number;
  readonly learningRate: number;
  /** Rounds of MI-TUNE that are compared; each divides pool and training of the first among its own. */
  readonly rounds: readonly number[];
  /** Candidates of which the base model's best by MI is taken: what an inference-time method could be replaced by. */
  readonly bestOf: number;
};

const COMMON = {
  categories: CATEGORIES.filter((name) => name !== 'single'),
  steps: 30,
  evaluationSteps: 20,
  rank: 16,
  batch: 8,
  // Chosen for MI-TUNE on other prompts. Its own number: what is measured must not be lost when a preset changes.
  learningRate: 5e-4,
  rounds: [1, 2, 3],
  bestOf: 4,
} as const;

/** Seconds: proves that the machinery works, and nothing else. */
const QUICK: MethodsDesign = {
  ...COMMON,
  name: 'quick',
  categories: ['color', 'spatial'],
  steps: 3,
  block: 1,
  evaluationSteps: 3,
  evaluationBlock: 1,
  pool: { prompts: 1, candidates: 6, keep: 1 },
  test: { prompts: 1, images: 1 },
  seeds: 1,
  trainingBudget: 200,
  rank: 2,
  batch: 2,
  rounds: [1, 2],
  bestOf: 2,
};

/** One seed and few prompts: 25 minutes of one core. It shows what runs, and settles nothing. */
const SMALL: MethodsDesign = {
  ...COMMON,
  name: 'small',
  block: 1,
  evaluationBlock: 2,
  pool: { prompts: 2, candidates: 6, keep: 1 },
  test: { prompts: 2, images: 2 },
  seeds: 1,
  trainingBudget: 2400,
};

/** Three seeds, of which each is complete before the next begins: about twenty minutes of one idle core. */
const MEDIUM: MethodsDesign = {
  ...COMMON,
  name: 'medium',
  block: 2,
  evaluationBlock: 2,
  pool: { prompts: 3, candidates: 8, keep: 2 },
  test: { prompts: 6, images: 2 },
  seeds: 3,
  trainingBudget: 2400,
};

/** Three seeds: a night of one core. */
const FULL: MethodsDesign = {
  ...COMMON,
  name: 'full',
  block: 1,
  evaluationBlock: 4,
  pool: { prompts: 10, candidates: 12, keep: 1 },
  test: { prompts: 10, images: 4 },
  seeds: 3,
  trainingBudget: 12_000,
};

export const METHODS_DESIGNS: readonly MethodsDesign[] = [QUICK, SMALL, MEDIUM, FULL];

export function findMethodsDesign(name: string): MethodsDesign | undefined {
  return METHODS_DESIGNS.find((design) => design.name === name);
}

/** One row of the table: guidance alone, its best of several, a way of drawing, or an adapter. */
export type MethodArm =
  | { readonly kind: 'base' }
  | { readonly kind: 'best' }
  | { readonly kind: 'drawn'; readonly choice: MethodChoice }
  | { readonly kind: 'tuned'; readonly choice: MethodChoice; readonly rounds: number };

/** All methods of the registry; MI-TUNE once for each number of rounds. */
export function armsOf(design: MethodsDesign): readonly MethodArm[] {
  const choices = METHODS.map((method) => ({
    method,
    choice: { name: method.name, options: optionsFor(method) },
  }));
  return [
    { kind: 'base' },
    { kind: 'best' },
    ...choices.flatMap(({ method, choice }): MethodArm[] =>
      method.draws ? [{ kind: 'drawn', choice }] : [],
    ),
    ...choices.flatMap(({ method, choice }): MethodArm[] => {
      if (!method.stages.includes('train')) return [];
      const rounds = method.name === 'mi-tune' ? design.rounds : [1];
      return rounds.map((count) => ({ kind: 'tuned', choice, rounds: count }));
    }),
  ];
}

/** Fewer images in DPOK's iterations than upstream's ten: a small budget has to leave some for the policy. */
function optionsFor({ name }: Method): MethodChoice['options'] {
  return name === 'dpok' ? { samples: 4, kept: 8 } : {};
}

/** The settings that methods are asked for their cost under. */
function settingsOf(design: MethodsDesign, use: 'pool' | 'evaluation'): Settings {
  const demo = presetSettings('demo');
  const [scheduler, steps] =
    use === 'pool' ? (['ddpm', design.steps] as const) : (['ddim', design.evaluationSteps] as const);
  return {
    ...demo,
    sampling: { ...demo.sampling, scheduler, steps, guidance: GUIDANCE },
    training: { ...demo.training, ...TRAINING, batch: design.batch },
  };
}

export function costOf(design: MethodsDesign, choice: MethodChoice, use: 'pool' | 'evaluation'): Cost {
  const { method, options } = chosenMethod(choice);
  return method.cost(settingsOf(design, use), options);
}

/** Optimizer steps of one of `rounds` rounds that the budget pays for; at least one. */
export function iterationsOf(design: MethodsDesign, choice: MethodChoice, rounds: number): number {
  return Math.max(1, Math.floor(design.trainingBudget / rounds / costOf(design, choice, 'pool').perUpdate));
}

/** Candidates of one prompt in each of `rounds` rounds. */
export function candidatesOf({ pool }: MethodsDesign, rounds: number): number {
  return Math.max(1, Math.floor(pool.candidates / rounds));
}

/** Images that are trained on, of one prompt and round: at most half of its candidates, or it would be no choice. */
export function keepOf(design: MethodsDesign, rounds: number): number {
  return Math.max(1, Math.min(design.pool.keep, Math.floor(candidatesOf(design, rounds) / 2)));
}

/** What an arm has cost before its first image, in network evaluations: the pool and the training. */
export function preparation(
  design: MethodsDesign,
  arm: MethodArm,
): { readonly pool: number; readonly training: number } {
  if (arm.kind !== 'tuned') return { pool: 0, training: 0 };
  const prompts = design.pool.prompts * design.categories.length;
  const perImage = 2 * samplerSteps(settingsOf(design, 'pool'));
  const { perUpdate } = costOf(design, arm.choice, 'pool');
  return {
    pool: prompts * arm.rounds * candidatesOf(design, arm.rounds) * perImage,
    training: arm.rounds * iterationsOf(design, arm.choice, arm.rounds) * perUpdate,
  };
}

/** What one image of an arm costs, at most. */
export function imageCost(design: MethodsDesign, arm: MethodArm): number {
  const plain = 2 * samplerSteps(settingsOf(design, 'evaluation'));
  if (arm.kind === 'best') return design.bestOf * plain;
  return arm.kind === 'drawn' ? costOf(design, arm.choice, 'evaluation').perImage : plain;
}

export function armName(arm: MethodArm): string {
  if (arm.kind === 'base') return 'guidance alone';
  if (arm.kind === 'best') return 'guidance alone, best by MI';
  const { title } = chosenMethod(arm.choice).method;
  return arm.kind === 'tuned' && arm.choice.name === 'mi-tune' ? `${title}, R = ${arm.rounds}` : title;
}
