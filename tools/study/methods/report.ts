/** docs/methods-study.md: everything in it follows from what is stored. */
import type { NoiseSchedule } from '../../../src/diffusion/schedule.ts';
import { findingOf } from '../analysis/bootstrap.ts';
import { MISTAKE_KINDS, type MistakeKind } from '../analysis/mistakes.ts';
import { duration } from '../budget.ts';
import { GUIDANCE } from '../design.ts';
import { interval, number, percent, percentInterval, points, table } from '../report/markdown.ts';
import type { Store } from '../store.ts';
import { armName, armsOf, imageCost, type MethodsDesign, preparation } from './design.ts';
import { methodSteps } from './plan.ts';
import { type ArmResult, readResults } from './results.ts';

type MethodsStudy = {
  readonly store: Store;
  readonly design: MethodsDesign;
  readonly schedule: NoiseSchedule;
  readonly model: string;
  readonly notes: string | null;
};

/**
 * The kind of mistake that a method was made against, where it is one. Tuning by MI is for all of them. S-CFG moves every
 * region as strongly as the foreground: an object that is guided too weakly is one that is forgotten.
 */
const MADE_FOR: Readonly<Record<string, MistakeKind>> = {
  'attend-and-excite': 'forgotten',
  'structured-guidance': 'swapped',
  'semantic-guidance': 'forgotten',
  'mi-maps': 'forgotten',
  'hn-itm': 'swapped',
};
/** Of fewer mistakes among the images of guidance alone a method can mend too few to show. */
const FEW_MISTAKES = 8;

const MISTAKES: Readonly<Record<MistakeKind, string>> = {
  forgotten: 'an object is missing',
  contact: 'objects do not touch as said',
  position: 'places are wrong',
  swapped: 'attributes are swapped',
  attribute: 'an attribute is wrong',
};

export function methodsReport(study: MethodsStudy): string {
  const results = readResults(study.store, study.design, study.schedule);
  const sections = [
    preamble(study, results),
    mainTable(study.design, results),
    faults(results),
    categories(study.design, results),
  ];
  return `${sections.join('\n\n')}\n`;
}

function preamble(
  { store, design, schedule, model, notes }: MethodsStudy,
  results: readonly ArmResult[],
): string {
  const steps = methodSteps(design, schedule);
  const done = steps.filter(({ id }) => store.has(id)).length;
  const { pool, test, categories, trainingBudget } = design;
  const prompts = categories.length * test.prompts;
  const size = sizeOf(design, results, prompts);
  return [
    '# Methods side by side on the shapes world',
    'Written by `npm run study -- --methods`; do not edit. The rows of the paper’s Table 1 on the shapes world, by a model that forgets and swaps. The score is exact, from pixels: the share of a prompt’s claims that hold in an image (soft), and whether all of them do (strict). No method sees it: every reward is MI.',
    size,
    `Design “${design.name}”: ${done} of ${steps.length} steps are done, ${duration(store.seconds / 3600)} of computing; model ${model}. Training prompts: ${categories.length * pool.prompts}, ${pool.candidates} candidates each, k = ${pool.keep} (never more than half of a round’s candidates), ${design.steps} DDPM steps at guidance ${GUIDANCE}. Test images: ${design.evaluationSteps} DDIM steps, the same seeds for every row. Every method that trains may spend ${trainingBudget} network evaluations on it, what it draws on the way included, beside the pool; MI-TUNE with R rounds divides pool and training by R. Learning rate ${design.learningRate} (chosen for MI-TUNE on other prompts), DoRA of rank ${design.rank} and batch ${design.batch} are the same for all: nothing was tuned for any other method, and methods whose authors train longer or at other rates stand below what they can do.`,
    `“Best by MI” draws ${design.bestOf} images and keeps the one with most MI: what the evaluations of an inference-time method could buy instead. Evaluations are of one sample with one context; a backward pass counts as two. Where they depend on the image, the most is given.`,
    ...(notes === null ? [] : [`## How it went\n\n${notes}`]),
  ].join('\n\n');
}

/** How many seeds and images rows rest on: of a study that was stopped, fewer than its design asks for. */
function sizeOf(design: MethodsDesign, results: readonly ArmResult[], prompts: number): string {
  const { test, seeds } = design;
  const done = results[0]?.seeds ?? 0;
  if (done === 0) return 'No seed is complete yet.';
  const count = (n: number): string => (n === 1 ? '1 seed' : `${n} seeds`);
  const facts = `${count(done)}, ${prompts} prompts, ${prompts * test.images * done} images a row`;
  const known = new Set(results.map(({ arm }) => armName(arm)));
  const missing = armsOf(design)
    .map(armName)
    .filter((name) => !known.has(name));
  const absent = missing.length === 0 ? '' : ` Not measured: ${missing.join(', ')}.`;
  const few = done < seeds ? ` The design asks for ${count(seeds)}; there was no time for the rest.` : '';
  const short = few + absent;
  if (prompts * done >= 60) return `${facts}.${short}`;
  return `**This is small**: ${facts}. It shows that every method runs at the stated cost, and differences between methods only where an interval says so.${short}`;
}

function mainTable(design: MethodsDesign, results: readonly ArmResult[]): string {
  const rows = results.map(({ arm, means, change, againstTuned, secondsPerImage }) => {
    const { pool, training } = preparation(design, arm);
    return [
      armName(arm),
      percentInterval(means.soft),
      change === null ? '' : points(change.soft),
      percentInterval(means.strict),
      change === null ? '' : points(change.strict),
      againstTuned === null ? '' : points(againstTuned),
      change === null ? '' : interval(change.mi, 2),
      pool === 0 ? '' : String(Math.round(pool)),
      training === 0 ? '' : String(Math.round(training)),
      String(Math.round(imageCost(design, arm))),
      number(secondsPerImage, 2),
    ];
  });
  const head = [
    'method',
    'soft',
    'against guidance alone, points',
    'strict',
    'against guidance alone, points',
    'soft, against MI-TUNE R = 1, points',
    'MI, against guidance alone',
    'pool, evaluations',
    'training, evaluations',
    'an image, evaluations',
    'an image, seconds',
  ];
  return [
    '## Scores and cost',
    'Intervals are 95%, over prompts and seeds; differences are paired. MI is measured by the model that drew the image, adapter included: a method that raises it has done what its reward asks, whatever the score says.',
    table(head, rows),
    verdict(results),
    rivals(results),
  ].join('\n\n');
}

/** What the intervals say, in words. */
function verdict(results: readonly ArmResult[]): string {
  const of = (finding: 'positive' | 'negative'): string =>
    listed(results.filter(({ change }) => change !== null && findingOf(change.soft) === finding));
  const compared = results.filter(({ change }) => change !== null).length;
  return `Soft score clearly above guidance alone: ${of('positive')}; below: ${of('negative')}. Among ${compared} rows one or two may lie apart by chance.`;
}

/** Who beats MI-TUNE at its own budget. */
function rivals(results: readonly ArmResult[]): string {
  const compared = results.filter(({ againstTuned }) => againstTuned !== null);
  if (compared.length === 0) return 'MI-TUNE has not been trained yet.';
  const of = (finding: 'positive' | 'negative'): string =>
    listed(
      compared.filter(({ againstTuned }) => againstTuned !== null && findingOf(againstTuned) === finding),
    );
  return `At an equal budget, clearly above MI-TUNE with one round: ${of('positive')}; below: ${of('negative')}; the other intervals contain 0.`;
}

function listed(results: readonly ArmResult[]): string {
  return results.length === 0 ? 'none' : results.map(({ arm }) => armName(arm)).join(', ');
}

/** Each method on the fault it was made for. */
function faults(results: readonly ArmResult[]): string {
  const base = results.find(({ arm }) => arm.kind === 'base');
  const rows = results.map(({ arm, means }) => [
    armName(arm),
    ...MISTAKE_KINDS.map((kind) => percent(means[kind].estimate)),
  ]);
  return [
    '## The fault each was made for',
    'Share of images by their first mistake: one with an object missing counts as that alone, however wrong the rest is.',
    table(['method', ...MISTAKE_KINDS.map((kind) => MISTAKES[kind])], rows),
    ...(base === undefined ? [] : results.flatMap((result) => faultSentences(result, base))),
  ].join('\n\n');
}

function faultSentences(result: ArmResult, base: ArmResult): string[] {
  const { arm, images, means, change } = result;
  const kind = arm.kind === 'drawn' || arm.kind === 'tuned' ? MADE_FOR[arm.choice.name] : undefined;
  if (kind === undefined || change === null) return [];
  const start = `${armName(arm)}, made for images where ${MISTAKES[kind]}`;
  const count = (of: ArmResult, which: MistakeKind): number =>
    Math.round(of.means[which].estimate * of.images);
  if (kind === 'forgotten') {
    const finding = findingOf(change[kind]);
    const says = {
      positive: 'More of them.',
      negative: 'The effect is shown.',
      open: NOT_SHOWN,
      none: NOT_SHOWN,
    };
    const shares = `${percent(means[kind].estimate)} against ${percent(base.means[kind].estimate)} of ${images} images`;
    return [`${start}: ${shares}, ${points(change[kind])} points. ${says[finding]}`];
  }
  // Only an image that shows both objects can have it: shares of different images, which no paired interval covers.
  const whole = (of: ArmResult): number => of.images - count(of, 'forgotten');
  const [own, plain] = [count(result, kind), count(base, kind)];
  const counts = `${own} of ${whole(result)} that show both objects, against ${plain} of ${whole(base)}`;
  const why =
    plain < FEW_MISTAKES
      ? 'Not shown: guidance alone makes this mistake too rarely for any to be clearly mended.'
      : 'No interval: the images that are compared are not the same ones.';
  return [`${start}: ${counts}. ${why}`];
}

const NOT_SHOWN = 'Not shown: the interval contains 0.';

function categories(design: MethodsDesign, results: readonly ArmResult[]): string {
  const rows = results.map(({ arm, byCategory }) => [
    armName(arm),
    ...design.categories.map((category) => percent(byCategory.get(category) ?? Number.NaN)),
  ]);
  return ['## Soft score by category', table(['method', ...design.categories], rows)].join('\n\n');
}
