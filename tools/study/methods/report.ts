/** docs/methods-study.md: everything in it follows from what is stored. */
import type { NoiseSchedule } from '../../../src/diffusion/schedule.ts';
import { chosenMethod } from '../../../src/methods/registry.ts';
import { findingOf } from '../analysis/bootstrap.ts';
import { MISTAKE_KINDS, type MistakeKind } from '../analysis/mistakes.ts';
import { duration } from '../budget.ts';
import { GUIDANCE } from '../design.ts';
import { number, percent, percentInterval, points, table } from '../report/markdown.ts';
import type { Store } from '../store.ts';
import { armName, imageCost, type MethodsDesign, preparation } from './design.ts';
import { methodSteps } from './plan.ts';
import { type ArmResult, readResults } from './results.ts';

export type MethodsStudy = {
  readonly store: Store;
  readonly design: MethodsDesign;
  readonly schedule: NoiseSchedule;
  readonly model: string;
  readonly notes: string | null;
};

/** What a method was made for, where it is one kind of mistake. */
const MADE_FOR: Readonly<Record<string, MistakeKind>> = {
  'attend-and-excite': 'forgotten',
  'structured-guidance': 'swapped',
  'semantic-guidance': 'attribute',
  'mi-maps': 'forgotten',
};

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
    preamble(study),
    mainTable(study.design, results),
    faults(results),
    categories(study.design, results),
  ];
  return `${sections.join('\n\n')}\n`;
}

function preamble({ store, design, schedule, model, notes }: MethodsStudy): string {
  const steps = methodSteps(design, schedule);
  const done = steps.filter(({ id }) => store.has(id)).length;
  const { pool, test, categories, seeds, trainingBudget } = design;
  const prompts = categories.length * test.prompts;
  const small =
    prompts * seeds < 60
      ? `**This is small**: ${seeds} ${seeds === 1 ? 'seed' : 'seeds'}, ${prompts} prompts, ${prompts * test.images * seeds} images a row. It shows that every method runs at the stated cost, and differences between methods only where an interval says so.`
      : `${seeds} seeds, ${prompts} prompts, ${prompts * test.images * seeds} images a row.`;
  return [
    '# Methods side by side on the shapes world',
    'Written by `npm run study -- --methods`; do not edit. The score is exact, from pixels: the share of a prompt’s claims that hold in an image (soft), and whether all of them do (strict). No method sees it: every reward is MI.',
    small,
    `Design “${design.name}”: ${done} of ${steps.length} steps are done, ${duration(store.seconds / 3600)} of computing; model ${model}. Training prompts: ${categories.length * pool.prompts}, ${pool.candidates} candidates each, k = ${pool.keep}, ${design.steps} DDPM steps at guidance ${GUIDANCE}. Test images: ${design.evaluationSteps} DDIM steps, the same seeds for every row. Every method that trains may spend ${trainingBudget} network evaluations on it, what it draws on the way included, beside the pool; MI-TUNE with R rounds divides pool and training by R. Learning rate ${design.learningRate}, DoRA of rank ${design.rank} and batch ${design.batch} are the same for all: nothing was tuned for any method, and methods whose authors train longer or at other rates stand below what they can do.`,
    `“Best by MI” draws ${design.bestOf} images and keeps the one with most MI: what the evaluations of an inference-time method could buy instead. Evaluations are of one sample with one context; a backward pass counts as two. Where they depend on the image, the most is given.`,
    ...(notes === null ? [] : [`## How it went\n\n${notes}`]),
  ].join('\n\n');
}

function mainTable(design: MethodsDesign, results: readonly ArmResult[]): string {
  const rows = results.map((result) => {
    const { pool, training } = preparation(design, result.arm);
    return [
      armName(result.arm),
      percentInterval(result.soft),
      result.change === null ? '' : points(result.change.soft),
      percentInterval(result.strict),
      result.change === null ? '' : points(result.change.strict),
      pool === 0 ? '' : String(Math.round(pool)),
      training === 0 ? '' : String(Math.round(training)),
      String(Math.round(imageCost(design, result.arm))),
      number(result.secondsPerImage, 2),
    ];
  });
  const head = [
    'method',
    'soft',
    'against guidance alone, points',
    'strict',
    'against guidance alone, points',
    'pool, evaluations',
    'training, evaluations',
    'an image, evaluations',
    'an image, seconds',
  ];
  return [
    '## Scores and cost',
    'Intervals are 95%, over prompts and seeds; differences are paired.',
    table(head, rows),
    verdict(results),
  ].join('\n\n');
}

/** What the intervals say, in words. */
function verdict(results: readonly ArmResult[]): string {
  const of = (finding: 'positive' | 'negative'): string[] =>
    results
      .filter(({ change }) => change !== null && findingOf(change.soft) === finding)
      .map(({ arm }) => armName(arm));
  const list = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.join(', '));
  const compared = results.filter(({ change }) => change !== null).length;
  return `Soft score clearly above guidance alone: ${list(of('positive'))}; below: ${list(of('negative'))}. Among ${compared} rows one or two may lie apart by chance.`;
}

/** Each method on the fault it was made for. */
function faults(results: readonly ArmResult[]): string {
  const base = results.find(({ arm }) => arm.kind === 'base');
  const rows = results.map(({ arm, mistakes }) => [
    armName(arm),
    ...MISTAKE_KINDS.map((kind) => percent(mistakes.get(kind) ?? Number.NaN)),
  ]);
  const sentences = results.flatMap(({ arm, mistakes, images }) => {
    const kind = arm.kind === 'drawn' ? MADE_FOR[arm.choice.name] : undefined;
    if (kind === undefined || base === undefined || arm.kind !== 'drawn') return [];
    const { title } = chosenMethod(arm.choice).method;
    const [own, plain] = [mistakes.get(kind) ?? Number.NaN, base.mistakes.get(kind) ?? Number.NaN];
    const fewer = own < plain ? 'fewer' : own > plain ? 'more' : 'as many';
    return [
      `${title}, made for images where ${MISTAKES[kind]}, has ${fewer} of them: ${percent(own)} against ${percent(plain)} of ${images} images.`,
    ];
  });
  return [
    '## The fault each was made for',
    'Share of images by their first mistake.',
    table(['method', ...MISTAKE_KINDS.map((kind) => MISTAKES[kind])], rows),
    ...sentences,
  ].join('\n\n');
}

function categories(design: MethodsDesign, results: readonly ArmResult[]): string {
  const rows = results.map(({ arm, byCategory }) => [
    armName(arm),
    ...design.categories.map((category) => percent(byCategory.get(category) ?? Number.NaN)),
  ]);
  return ['## Soft score by category', table(['method', ...design.categories], rows)].join('\n\n');
}
