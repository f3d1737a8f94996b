/** Parts 2 and 3 in words, tables and plots. */
import { baseOutcome, difference, level, type Outcome, outcomes, promptCount } from '../analysis/align.ts';
import { type Finding, findingOf } from '../analysis/bootstrap.ts';
import type { Design, Settings } from '../design.ts';
import { testEvaluation } from '../evaluation.ts';
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
} from '../experiments.ts';
import { percent, percentInterval, points, table } from './markdown.ts';
import type { Section, Study } from './section.ts';
import { type IntervalMark, intervalPlot } from './svg.ts';

const ARM_LABELS: Readonly<Record<Outcome['arm'], string>> = {
  base: 'base model',
  mi: 'top k by MI',
  chosen: 'top k by the score that validation chose',
  random: 'random k',
  bottom: 'bottom k by MI',
  exact: 'top k by exact score (ceiling)',
};

/** Everything about adapters that is stored, read once. */
export type Alignment = {
  readonly base: Outcome | null;
  readonly arms: readonly Outcome[];
  readonly dose: readonly Outcome[];
  readonly rounds: readonly Outcome[];
  readonly categories: readonly Outcome[];
  readonly ablations: readonly Ablation[];
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

export function armOf(list: readonly Outcome[], arm: Outcome['arm'], label?: string): Outcome | undefined {
  return list.find(
    (o) => o.arm === arm && (label === undefined || o.label === label) && o.replicates.length > 0,
  );
}

export function alignmentSection(alignment: Alignment, { design }: Study): Section {
  const { base, arms } = alignment;
  const done = arms.filter((arm) => arm.replicates.length > 0);
  const head = '## 2. Does MI-TUNE align?';
  if (base === null || done.length === 0) return { text: `${head}\n\n*Not done yet.*`, plots: [] };
  const mi = armOf(arms, 'mi');
  const random = armOf(arms, 'random');
  const others = (['chosen', 'exact'] as const).map((name) => [armOf(arms, name), random] as const);
  const text = [
    head,
    `Every arm trains on ${design.pool.prompts * design.categories.length} prompts of the training split with the same budget: M = ${design.pool.candidates}, the same k, the same training. Adapters are judged on ${promptCount(base)} test prompts with ${design.test.images} images each, the same seeds for all. A seed is a whole pipeline: its own candidates, start and order. Intervals are 95%, over prompts and seeds together; with fewer than three seeds they are too narrow.`,
    claimText(base, mi, random),
    ...others.flatMap(([arm, control]) => (arm && control ? [otherText(arm, control)] : [])),
    armTable(base, done),
    '![Change of the share of claims by arm](shapes-study/arms.svg)',
    '### By category, one adapter for all',
    mi && random ? categoryRows(base, mi, random, design.categories) : '*Not done yet.*',
    '### Does more training pass the choice on?',
    doseText(design),
    doseRows(base, alignment.dose),
    '### One adapter per category (the paper’s Table 1)',
    ownAdapterRows(base, alignment.categories, design.categories),
    '### Rounds',
    `Pools of ${design.rounds.prompts * design.categories.length} prompts with M = ${design.rounds.candidates}; each round draws its pool with the adapter of the round before and trains it on.`,
    roundRows(base, alignment.rounds),
  ];
  return { text: text.join('\n\n'), plots: [armPlot(base, done)] };
}

const CLAIM: Readonly<Record<Finding, string>> = {
  positive: 'Choosing by MI is better than choosing at random',
  negative: 'Choosing by MI is worse than choosing at random',
  open: 'Choosing by MI makes no difference from choosing at random that these numbers can show',
  none: 'There is too little yet to compare choosing by MI with choosing at random',
};

function claimText(base: Outcome, mi: Outcome | undefined, random: Outcome | undefined): string {
  if (mi === undefined || random === undefined) return `**${CLAIM.none}.**`;
  const share = difference(mi, random, 'share');
  const strict = difference(mi, random, 'strict');
  const plain = difference(random, base, 'share');
  const distinct = difference(mi, random, 'distinct');
  const training = {
    positive: 'Training on guided samples alone, chosen at random, already helps',
    negative: 'Training on guided samples chosen at random harms',
    open: 'Training on guided samples chosen at random does nothing that shows',
    none: 'What training on random samples does is not known yet',
  }[findingOf(plain)];
  const variety = {
    positive: 'more varied',
    negative: 'less varied',
    open: 'as varied, as far as can be told',
    none: 'not compared',
  }[findingOf(distinct)];
  return `**${CLAIM[findingOf(share)]}**: MI minus random is ${points(share)} points of the share of claims and ${points(strict)} points of the strict score. ${training} (${points(plain)} points against the base model). The images after MI are ${variety} (share of distinct layouts ${points(distinct)} points).`;
}

const OTHER: Readonly<Record<'chosen' | 'exact', string>> = {
  chosen: 'The score that ranked best on validation prompts',
  exact: 'The exact score itself, the ceiling of what choosing can do,',
};

const WORTH: Readonly<Record<Finding, string>> = {
  positive: 'is worth',
  negative: 'costs: it comes to',
  open: 'is worth nothing that these numbers can show:',
  none: 'cannot be compared yet:',
};

/** What choosing by another score than MI is worth. */
function otherText(arm: Outcome, random: Outcome): string {
  const share = difference(arm, random, 'share');
  const strict = difference(arm, random, 'strict');
  const name = OTHER[arm.arm === 'exact' ? 'exact' : 'chosen'];
  return `${name} ${WORTH[findingOf(share)]} ${points(share)} points of the share of claims against random choice, and ${points(strict)} points of the strict score.`;
}

function armTable(base: Outcome, arms: readonly Outcome[]): string {
  const random = armOf(arms, 'random');
  return table(
    [
      'arm',
      'seeds',
      'claims',
      'strict',
      'distinct layouts',
      'claims − base, points',
      'claims − random, points',
      'strict − random, points',
    ],
    [base, ...arms].map((arm) => [
      ARM_LABELS[arm.arm],
      seeds(arm),
      percent(level(arm, 'share').estimate),
      percent(level(arm, 'strict').estimate),
      percent(level(arm, 'distinct').estimate),
      arm === base ? '–' : points(difference(arm, base, 'share')),
      ...(['share', 'strict'] as const).map((measure) =>
        arm === base || arm === random || random === undefined
          ? '–'
          : points(difference(arm, random, measure)),
      ),
    ]),
  );
}

function seeds({ arm, replicates, wanted }: Outcome): string {
  if (arm === 'base') return '–';
  return replicates.length === wanted ? String(wanted) : `${replicates.length} of ${wanted}`;
}

function categoryRows(base: Outcome, mi: Outcome, random: Outcome, categories: readonly string[]): string {
  return table(
    [
      'category',
      'base, claims',
      'MI',
      'random',
      'MI − random, points',
      'strict: base',
      'MI',
      'random',
      'MI − random, points',
    ],
    categories.map((category) => [
      category,
      ...(['share', 'strict'] as const).flatMap((measure) => [
        ...[base, mi, random].map((o) => percent(level(o, measure, category).estimate)),
        points(difference(mi, random, measure, category)),
      ]),
    ]),
  );
}

function doseText({ pool, dose, categories, batch }: Design): string {
  const candidates = pool.candidates * pool.replicates;
  const images = dose.keep * pool.prompts * categories.length;
  return `Sets of ${images} images, k = ${dose.keep} of M = ${candidates}, from the same prompts; steps of ${batch} images. Where even the exact score is no better than chance here, no score could show its worth by training like this; where it is, what MI is worth shows beside it.`;
}

function doseRows(base: Outcome, list: readonly Outcome[]): string {
  return table(
    [
      'steps',
      'seeds',
      'MI, claims',
      'random',
      'exact',
      'random − base, points',
      'MI − random, points',
      'exact − random, points',
      'strict: MI − random, points',
      'strict: exact − random, points',
    ],
    [...new Set(list.map((o) => o.label))].flatMap((label) => {
      const [mi, random, exact] = (['mi', 'random', 'exact'] as const).map((arm) => armOf(list, arm, label));
      if (mi === undefined || random === undefined || exact === undefined) return [];
      return [
        [
          label,
          seeds(mi),
          ...[mi, random, exact].map((o) => percent(level(o, 'share').estimate)),
          points(difference(random, base, 'share')),
          points(difference(mi, random, 'share')),
          points(difference(exact, random, 'share')),
          points(difference(mi, random, 'strict')),
          points(difference(exact, random, 'strict')),
        ],
      ];
    }),
  );
}

function ownAdapterRows(base: Outcome, list: readonly Outcome[], categories: readonly string[]): string {
  return table(
    [
      'category',
      'seeds',
      'base, claims',
      'MI',
      'random',
      'MI − base, points',
      'MI − random, points',
      'strict: MI − random, points',
    ],
    categories.flatMap((category) => {
      const mi = armOf(list, 'mi', category);
      const random = armOf(list, 'random', category);
      if (mi === undefined || random === undefined) return [];
      return [
        [
          category,
          seeds(mi),
          ...[base, mi, random].map((o) => percent(level(o, 'share', category).estimate)),
          points(difference(mi, base, 'share', category)),
          points(difference(mi, random, 'share')),
          points(difference(mi, random, 'strict')),
        ],
      ];
    }),
  );
}

function roundRows(base: Outcome, rounds: readonly Outcome[]): string {
  return table(
    [
      'rounds',
      'seeds',
      'MI, claims',
      'random',
      'MI − base, points',
      'MI − random, points',
      'strict: MI − random, points',
      'distinct layouts: MI',
      'random',
    ],
    [...new Set(rounds.map((o) => o.label))].flatMap((label) => {
      const mi = armOf(rounds, 'mi', label);
      const random = armOf(rounds, 'random', label);
      if (mi === undefined || random === undefined) return [];
      return [
        [
          label,
          seeds(mi),
          percent(level(mi, 'share').estimate),
          percent(level(random, 'share').estimate),
          points(difference(mi, base, 'share')),
          points(difference(mi, random, 'share')),
          points(difference(mi, random, 'strict')),
          percent(level(mi, 'distinct').estimate),
          percent(level(random, 'distinct').estimate),
        ],
      ];
    }),
  );
}

function armPlot(base: Outcome, arms: readonly Outcome[]): Section['plots'][number] {
  const marks = arms.map((arm): IntervalMark => {
    const { estimate, low, high } = difference(arm, base, 'share');
    return { label: ARM_LABELS[arm.arm], estimate: 100 * estimate, low: 100 * low, high: 100 * high };
  });
  const axis = 'share of claims that hold, points above the base model';
  return { name: 'arms.svg', svg: intervalPlot('Arms at equal budget, on test prompts', axis, marks) };
}

export function ablationSection({ base, ablations }: Alignment, { design }: Study): Section {
  const parts = ablations.map(({ title, note, reference, outcomes: rows }) => {
    const done = rows.filter((row) => row.replicates.length > 0);
    const compared = done.find((row) => row.label === reference);
    const body = table(
      [
        '',
        'seeds',
        'claims',
        'strict',
        'distinct layouts',
        'claims − base, points',
        `claims − (${reference}), points`,
      ],
      done.map((row) => [
        row.label,
        seeds(row),
        percentInterval(level(row, 'share')),
        percentInterval(level(row, 'strict')),
        percent(level(row, 'distinct').estimate),
        base === null ? '–' : points(difference(row, base, 'share')),
        row === compared || compared === undefined ? '–' : points(difference(row, compared, 'share')),
      ]),
    );
    return [`### ${title}`, note, body].filter((text) => text !== '').join('\n\n');
  });
  const { prompts, images } = design.test;
  const intro = `Judged as in part 2, on ${prompts * design.categories.length} test prompts with ${images} images each per seed; always top k by MI, and everything but what the table varies as chosen above.`;
  return { text: ['## 3. Ablations', intro, ...parts].join('\n\n'), plots: [] };
}
