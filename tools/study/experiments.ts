/**
 * Parts 2 and 3 as lists of experiments: an experiment is one row of a table, an adapter per replicate, and the
 * images it is judged by.
 */
import type { Category } from '../../src/shapes/world.ts';
import type { Design, Settings } from './design.ts';
import type { AdapterRef } from './draws.ts';
import { ablationEvaluation, type Evaluation, testEvaluation, trainingEvaluation } from './evaluation.ts';
import { ARMS, type Arm, type SetSpec } from './sets.ts';
import { type Training, trainedAdapter } from './training.ts';
import { sharedSet } from './tune.ts';

export type Table =
  | 'arms'
  | 'trained'
  | 'dose'
  | 'rounds'
  | 'categories'
  | 'candidates'
  | 'keep'
  | 'real'
  | 'adapter'
  | 'prompts';

export type Experiment = {
  readonly table: Table;
  /** What the row is called. */
  readonly label: string;
  readonly arm: Arm;
  /** Trainings in the order they build on each other: one, or one per round; the last one's adapter is judged. */
  readonly trainings: readonly Training[];
  readonly replicate: number;
  readonly evaluation: Evaluation;
};

/** The adapter an experiment ends with. */
export function adapterOf(design: Design, experiment: Experiment): AdapterRef {
  return trainedAdapter(design, experiment.trainings.at(-1) as Training);
}

function replicates<T>(count: number, make: (replicate: number) => readonly T[]): T[] {
  return Array.from({ length: count }, (_, replicate) => make(replicate)).flat();
}

/** Equal budget for every arm: same prompts, same M, same k, same training. */
export function armExperiments(design: Design, settings: Settings): Experiment[] {
  // Where the reference itself ranks best on validation prompts, there is no other score to try.
  const arms = ARMS.filter((arm) => arm !== 'chosen' || settings.score !== 'guided');
  return replicates(design.pool.replicates, (replicate) =>
    arms.map((arm) => one(design, 'arms', arm, arm, settings, sharedSet(design, arm, settings, replicate))),
  );
}

/** The arms that tell what a choice is worth. */
const CONTRAST_ARMS = ['mi', 'random', 'exact'] as const satisfies readonly Arm[];

/** Adapters of the arms on prompts that they were trained on. */
export function trainedPromptExperiments(design: Design, settings: Settings): Experiment[] {
  return armExperiments(design, settings)
    .filter(({ arm }) => CONTRAST_ARMS.some((name) => name === arm))
    .map((experiment) => ({ ...experiment, table: 'trained', evaluation: trainingEvaluation(design) }));
}

/** Larger sets and longer training: does what a choice offers arrive at all? All replicates choose from one pool. */
export function doseExperiments(design: Design, settings: Settings): Experiment[] {
  const { keep, iterations, replicates: seeds } = design.dose;
  const candidates = design.pool.candidates * design.pool.replicates;
  return replicates(seeds, (replicate) =>
    iterations.flatMap((steps) =>
      CONTRAST_ARMS.map((arm) => {
        const changed = { ...settings, keep, iterations: steps };
        const set = { ...sharedSet(design, arm, changed, replicate), candidates, first: 0 };
        return one(design, 'dose', `${steps}`, arm, changed, set);
      }),
    ),
  );
}

/** Table 1 of the paper: one adapter per category, judged on that category. */
export function categoryExperiments(design: Design, settings: Settings): Experiment[] {
  return replicates(design.categoryAdapters.replicates, (replicate) =>
    design.categories.flatMap((category) =>
      (['mi', 'random'] as const).map((arm) => {
        const set = { ...sharedSet(design, arm, settings, replicate), categories: [category] };
        const experiment = one(design, 'categories', category, arm, settings, set);
        return { ...experiment, evaluation: ofCategory(experiment.evaluation, category) };
      }),
    ),
  );
}

function ofCategory(evaluation: Evaluation, category: Category): Evaluation {
  return { ...evaluation, categories: [category] };
}

/** R rounds: the pool is drawn anew by the adapter of the round before, which training goes on from. */
export function roundExperiments(design: Design, settings: Settings): Experiment[] {
  const { count, prompts, candidates, replicates: seeds } = design.rounds;
  return replicates(seeds, (replicate) =>
    (['mi', 'random'] as const).flatMap((arm) => {
      const trainings: Training[] = [];
      for (let round = 1; round <= count; round++) {
        const before = trainings.at(-1);
        const start = before === undefined ? null : trainedAdapter(design, before);
        const set = {
          ...sharedSet(design, arm, settings, replicate),
          prompts,
          candidates,
          first: replicate * candidates,
          drawnBy: start,
          round,
        };
        trainings.push({ set, settings, start });
      }
      return trainings.map(
        (_, i): Experiment => ({
          table: 'rounds',
          label: `R = ${i + 1}`,
          arm,
          trainings: trainings.slice(0, i + 1),
          replicate,
          evaluation: evaluationOf('rounds', design),
        }),
      );
    }),
  );
}

/** Table 6, first half: M candidates per prompt, all from one stored pool. */
export function candidateExperiments(design: Design, settings: Settings): Experiment[] {
  const { candidates, ladderPrompts, replicates: seeds } = design.ablations;
  const counts = [...new Set([...candidates, design.pool.candidates])].sort((a, b) => a - b);
  const largest = Math.max(...counts, design.pool.candidates * design.pool.replicates);
  return replicates(seeds, (replicate) =>
    counts.map((count) => {
      // Replicates look at different candidates as long as the pool has them.
      const first = (replicate + 1) * count <= largest ? replicate * count : 0;
      const shared = sharedSet(design, 'mi', settings, replicate);
      const set = { ...shared, candidates: count, prompts: ladderPrompts, first };
      return one(design, 'candidates', `M = ${count}`, 'mi', settings, set);
    }),
  );
}

/** Table 6, second half: k of M. */
export function keepExperiments(design: Design, settings: Settings): Experiment[] {
  const keeps = [...new Set([1, settings.keep, ...design.ablations.keeps])].sort((a, b) => a - b);
  return replicates(design.ablations.replicates, (replicate) =>
    keeps.map((keep) =>
      one(
        design,
        'keep',
        `k = ${keep}`,
        'mi',
        { ...settings, keep },
        sharedSet(design, 'mi', { ...settings, keep }, replicate),
      ),
    ),
  );
}

/** Table 7: share of real images. */
export function realExperiments(design: Design, settings: Settings): Experiment[] {
  return replicates(design.ablations.replicates, (replicate) =>
    [0, ...design.ablations.realShares].map((realShare) => {
      const set = { ...sharedSet(design, 'mi', settings, replicate), realShare };
      return one(design, 'real', `${realShare}`, 'mi', settings, set);
    }),
  );
}

/** Table 8: what is trained. */
export function adapterExperiments(design: Design, settings: Settings): Experiment[] {
  const kinds = [
    ['DoRA', { kind: 'dora', textEncoder: false }],
    ['LoRA', { kind: 'lora', textEncoder: false }],
    ['DoRA and text encoder', { kind: 'dora', textEncoder: true }],
  ] as const;
  return replicates(design.ablations.replicates, (replicate) =>
    kinds.map(([label, change]) => {
      const set = sharedSet(design, 'mi', settings, replicate);
      return one(design, 'adapter', label, 'mi', { ...settings, ...change }, set);
    }),
  );
}

/** Section 4.3: number of prompts. */
export function promptCountExperiments(design: Design, settings: Settings): Experiment[] {
  const counts = [...design.ablations.promptCounts, design.pool.prompts];
  return replicates(design.ablations.replicates, (replicate) =>
    counts.map((prompts) => {
      const set = { ...sharedSet(design, 'mi', settings, replicate), prompts };
      return one(design, 'prompts', `${prompts * design.categories.length}`, 'mi', settings, set);
    }),
  );
}

function one(
  design: Design,
  table: Table,
  label: string,
  arm: Arm,
  settings: Settings,
  set: SetSpec,
): Experiment {
  const { replicate } = set;
  return {
    table,
    label,
    arm,
    trainings: [{ set, settings, start: null }],
    replicate,
    evaluation: evaluationOf(table, design),
  };
}

function evaluationOf(table: Table, design: Design): Evaluation {
  return table === 'arms' || table === 'dose' || table === 'categories'
    ? testEvaluation(design)
    : ablationEvaluation(design);
}
