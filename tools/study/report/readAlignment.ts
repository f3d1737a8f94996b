/** What parts 2 and 3 stored about adapters, read once for all tables. */
import { mean } from '../../../src/lib/stats.ts';
import { baseOutcome, type Outcome, outcomes } from '../analysis/align.ts';
import type { Settings } from '../design.ts';
import { testEvaluation, trainingEvaluation } from '../evaluation.ts';
import {
  adapterExperiments,
  armExperiments,
  candidateExperiments,
  categoryExperiments,
  doseExperiments,
  type Experiment,
  keepExperiments,
  promptCountExperiments,
  realExperiments,
  roundExperiments,
  trainedPromptExperiments,
} from '../experiments.ts';
import { ARMS, type Arm, setShare } from '../sets.ts';
import { trainingId } from '../training.ts';
import type { Study } from './section.ts';

/** Everything about adapters that is stored, read once. */
export type Alignment = {
  readonly base: Outcome | null;
  readonly arms: readonly Outcome[];
  readonly trained: Trained;
  readonly dose: readonly Outcome[];
  readonly rounds: readonly Outcome[];
  readonly categories: readonly Outcome[];
  readonly ablations: readonly Ablation[];
};
/** The arms where they were trained: in their sets, and on prompts of theirs. */
type Trained = {
  readonly base: Outcome | null;
  readonly arms: readonly Outcome[];
  /** Share of claims that hold in the images of an arm's sets, mean over seeds; NaN before it is trained. */
  readonly setShares: Readonly<Record<Arm, number>>;
};
export type Ablation = {
  readonly title: string;
  readonly note: string;
  /** Label of the row that the others are compared with. */
  readonly reference: string;
  readonly outcomes: readonly Outcome[];
};

export function readAlignment(study: Study, settings: Settings): Alignment {
  const { store, design } = study;
  const read = (experiments: readonly Experiment[]): readonly Outcome[] =>
    outcomes(store, design, experiments);
  const { pool, ablations } = design;
  const prompts = pool.prompts * design.categories.length;
  return {
    base: baseOutcome(store, design, testEvaluation(design)),
    arms: read(armExperiments(design, settings)),
    trained: readTrained(study, settings),
    dose: read(doseExperiments(design, settings)),
    rounds: read(roundExperiments(design, settings)),
    categories: read(categoryExperiments(design, settings)),
    ablations: [
      {
        title: 'Candidates M (the paper’s Table 6)',
        note: `${ablations.ladderPrompts * design.categories.length} training prompts; all M come from one stored pool. Where the pool is too small for candidates of their own, seeds share candidates.`,
        reference: `M = ${pool.candidates}`,
        outcomes: read(candidateExperiments(design, settings)),
      },
      {
        title: 'Kept images k (Table 6)',
        note: `k of M = ${pool.candidates}; ${prompts} training prompts, so the set has k times as many images.`,
        reference: `k = ${settings.keep}`,
        outcomes: read(keepExperiments(design, settings)),
      },
      {
        title: 'Share of real images (Table 7)',
        note: 'Real images are rendered scenes with the captions that the model’s training had, a share of which is wrong; the best of them by re-noised MI replace the lowest-scored drawn ones.',
        reference: '0',
        outcomes: read(realExperiments(design, settings)),
      },
      {
        title: 'What is trained (Table 8)',
        note: '',
        reference: 'DoRA',
        outcomes: read(adapterExperiments(design, settings)),
      },
      {
        title: 'Number of training prompts (section 4.3)',
        note: 'Training steps are the same for every number.',
        reference: String(prompts),
        outcomes: read(promptCountExperiments(design, settings)),
      },
    ],
  };
}

function readTrained({ store, design, schedule }: Study, settings: Settings): Trained {
  const experiments = trainedPromptExperiments(design, settings);
  const shareOf = (name: Arm): number =>
    mean(
      experiments
        .filter(({ arm }) => arm === name)
        .flatMap(({ trainings }) => trainings)
        .filter((training) => store.has(trainingId(design, training)))
        .map(({ set }) => setShare(store, schedule, design, set)),
    );
  return {
    base: baseOutcome(store, design, trainingEvaluation(design)),
    arms: outcomes(store, design, experiments),
    setShares: Object.fromEntries(ARMS.map((arm) => [arm, shareOf(arm)])) as Record<Arm, number>,
  };
}

export function armOf(list: readonly Outcome[], arm: Outcome['arm'], label?: string): Outcome | undefined {
  return list.find(
    (o) => o.arm === arm && (label === undefined || o.label === label) && o.replicates.length > 0,
  );
}

/** How many seeds an outcome rests on, and how many are still to come. */
export function seedsOf({ arm, replicates, wanted }: Outcome): string {
  if (arm === 'base') return '–';
  return replicates.length === wanted ? String(wanted) : `${replicates.length} of ${wanted}`;
}
