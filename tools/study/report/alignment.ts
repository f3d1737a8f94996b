/** Part 2 in words, tables and a plot. */
import { difference, level, type Outcome, promptCount } from '../analysis/align.ts';
import { type Finding, findingOf } from '../analysis/bootstrap.ts';
import type { Design, Settings } from '../design.ts';
import { needsNoisingAgain } from '../selection.ts';
import { doseRows, doseText, ownAdapterRows, roundRows } from './adapterTables.ts';
import { number, percent, points, table } from './markdown.ts';
import { paperTablesText } from './paperTables.ts';
import { type Alignment, armOf, seedsOf } from './readAlignment.ts';
import type { Section, Study } from './section.ts';
import { type IntervalMark, intervalPlot } from './svg.ts';
import { trainedRows, trainedText } from './trained.ts';

const ARM_LABELS: Readonly<Record<Outcome['arm'], string>> = {
  base: 'base model',
  mi: 'top k by MI',
  chosen: 'top k by the score that validation chose',
  random: 'random k',
  bottom: 'bottom k by MI',
  exact: 'top k by exact score',
};

export function alignmentSection(alignment: Alignment, study: Study, settings: Settings): Section {
  const { design } = study;
  const { base, arms } = alignment;
  const done = arms.filter((arm) => arm.replicates.length > 0);
  const head = '## 2. Does MI-TUNE align?';
  if (base === null || done.length === 0) return { text: `${head}\n\n*Not done yet.*`, plots: [] };
  const mi = armOf(arms, 'mi');
  const random = armOf(arms, 'random');
  const others = (['chosen', 'exact'] as const).map((name) => [armOf(arms, name), random] as const);
  const text = [
    head,
    `Every arm trains on ${design.pool.prompts * design.categories.length} prompts of the training split with the same budget: M = ${design.pool.candidates}, the same k, the same training. Adapters are judged on ${promptCount(base)} test prompts with ${design.test.images} images each, the same seeds for all. A seed is a whole pipeline: its own candidates, start and order. Intervals are 95%, over prompts and seeds together; with three seeds they are still somewhat too narrow, with fewer much too narrow.${chosenText(settings, design)} The exact score often finds several perfect candidates and then takes the first, so it is a better choice than any score here, and not the best there could be.`,
    claimText(base, mi, random),
    bottomText(mi, armOf(arms, 'bottom')),
    ...others.flatMap(([arm, control]) => (arm && control ? [otherText(arm, control)] : [])),
    armTable(base, done),
    '![Change of the share of claims by arm](shapes-study/arms.svg)',
    '### By category, one adapter for all',
    mi && random ? categoryRows(base, mi, random, design.categories) : '*Not done yet.*',
    paperTablesText(alignment, study, settings),
    '### How far does a choice get?',
    `Adapters of the arms on the first ${design.test.trainingPrompts * design.categories.length} of the prompts they were trained on, ${design.test.images} new images each, beside the sets they were trained on and the test prompts. ${trainedText(alignment)}`,
    trainedRows(alignment),
    '### Does more training pass the choice on?',
    doseText(design),
    doseRows(base, alignment.dose),
    '### One adapter per category (the paper’s Table 1)',
    ownAdapterRows(base, alignment.categories, design.categories),
    '### Rounds',
    `Pools of ${design.rounds.prompts * design.categories.length} prompts with M = ${design.rounds.candidates}; each round draws its pool with the adapter of the round before and trains it on. Judged on ${design.test.ablationPrompts * design.categories.length} of the test prompts.`,
    roundRows(base, alignment.rounds),
  ];
  const plots = [armPlot(base, done)];
  return { text: text.filter((part) => part !== '').join('\n\n'), plots };
}

/** What the arm with another score costs beyond the others. */
function chosenText({ score }: Settings, { selection }: Design): string {
  if (score === 'guided') return '';
  const more = needsNoisingAgain(score)
    ? `, which costs ${2 * selection.timesteps * selection.draws} network evaluations more per candidate`
    : '';
  return ` The score that validation chose is “${score}”${more}.`;
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
  const spread = difference(mi, random, 'spread');
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
  }[findingOf(spread)];
  return `**${CLAIM[findingOf(share)]}**: MI minus random is ${points(share)} points of the share of claims and ${points(strict)} points of the strict score. ${training} (${points(plain)} points against the base model). The images after MI are ${variety} (spread ${points(spread)} hundredths).`;
}

/** The strongest contrast that a score can make within the same pools. */
function bottomText(mi: Outcome | undefined, bottom: Outcome | undefined): string {
  if (mi === undefined || bottom === undefined) return '';
  const share = difference(mi, bottom, 'share');
  const word = {
    positive: 'So MI does choose images that training learns more from',
    negative: 'So MI chooses images that training learns less from',
    open: 'So the order that MI makes does not show in what training learns',
    none: 'That is too little to say',
  }[findingOf(share)];
  return `Top k by MI minus bottom k by MI is ${points(share)} points of the share of claims. ${word}.`;
}

const OTHER: Readonly<Record<'chosen' | 'exact', string>> = {
  chosen: 'The score that ranked best on validation prompts',
  exact: 'The exact score itself, a better choice than any score can make,',
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
      'spread of latents',
      'claims − base, points',
      'claims − random, points',
      'strict − random, points',
    ],
    [base, ...arms].map((arm) => [
      ARM_LABELS[arm.arm],
      seedsOf(arm),
      percent(level(arm, 'share').estimate),
      percent(level(arm, 'strict').estimate),
      percent(level(arm, 'distinct').estimate),
      number(level(arm, 'spread').estimate),
      arm === base ? '–' : points(difference(arm, base, 'share')),
      ...(['share', 'strict'] as const).map((measure) =>
        arm === base || arm === random || random === undefined
          ? '–'
          : points(difference(arm, random, measure)),
      ),
    ]),
  );
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

function armPlot(base: Outcome, arms: readonly Outcome[]): Section['plots'][number] {
  const marks = arms.map((arm): IntervalMark => {
    const { estimate, low, high } = difference(arm, base, 'share');
    return { label: ARM_LABELS[arm.arm], estimate: 100 * estimate, low: 100 * low, high: 100 * high };
  });
  const axis = 'share of claims that hold, points above the base model';
  return { name: 'arms.svg', svg: intervalPlot('Arms at equal budget, on test prompts', axis, marks) };
}
