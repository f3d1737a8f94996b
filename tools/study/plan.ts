/** The whole study in the order in which it is worth most, whenever it has to stop. */
import type { NoiseSchedule } from '../../src/diffusion/schedule.ts';
import { type Design, type Settings, UNTUNED } from './design.ts';
import { drawSteps } from './draws.ts';
import { evaluationMetricSteps, evaluationSteps, testEvaluation, trainingEvaluation } from './evaluation.ts';
import {
  adapterExperiments,
  adapterOf,
  armExperiments,
  candidateExperiments,
  categoryExperiments,
  doseExperiments,
  type Experiment,
  keepExperiments,
  promptCountExperiments,
  realExperiments,
  roundExperiments,
  type Table,
  trainedPromptExperiments,
} from './experiments.ts';
import type { BaseModel } from './models.ts';
import { baseSteps, deepSteps, guidanceSteps, rankingSteps, renoiseSteps } from './ranking.ts';
import { realSteps } from './real.ts';
import { SCORED_AGAIN } from './secondScore.ts';
import { poolDraws, poolMeasures } from './sets.ts';
import { distinctSteps, type Step, type StudyPart } from './steps.ts';
import { trainingStep } from './training.ts';
import { tuneSteps } from './tune.ts';

const TABLES: Readonly<Record<Table, { readonly part: StudyPart; readonly item: string }>> = {
  arms: { part: '2', item: 'arms at equal budget' },
  trained: { part: '2', item: 'arms on training prompts' },
  dose: { part: '2', item: 'larger sets, longer training' },
  rounds: { part: '2', item: 'rounds' },
  categories: { part: '2', item: 'one adapter per category' },
  candidates: { part: '3', item: 'candidates M' },
  keep: { part: '3', item: 'kept k' },
  real: { part: '3', item: 'real images' },
  adapter: { part: '3', item: 'DoRA, LoRA, text encoder' },
  prompts: { part: '3', item: 'number of prompts' },
};

/** What does not depend on the tuned settings and comes before them. */
export function firstSteps(design: Design, schedule: NoiseSchedule): Step[] {
  return distinctSteps([...tuneSteps(design, schedule), ...rankingSteps(design)]);
}

/** The second score of the arms' images. */
const AGAIN = { part: '2', item: 'second score' } as const;

/** Everything, with the settings that tuning chose. */
export function allSteps(
  design: Design,
  schedule: NoiseSchedule,
  settings: Settings,
  bases: readonly BaseModel[] = [],
): Step[] {
  const steps = (experiments: readonly Experiment[]): Step[] =>
    experiments.flatMap((e) => experimentSteps(design, schedule, e));
  const again = (experiments: readonly Experiment[]): Step[] =>
    experiments
      .filter(({ arm }) => SCORED_AGAIN.some((name) => name === arm))
      .flatMap((e) => evaluationMetricSteps(design, e.evaluation, adapterOf(design, e), AGAIN));
  // Every table with one seed before any with two.
  const tables = [
    ...categoryExperiments(design, settings),
    ...adapterExperiments(design, settings),
    ...keepExperiments(design, settings),
    ...promptCountExperiments(design, settings),
    ...realExperiments(design, settings),
    ...roundExperiments(design, settings),
    ...candidateExperiments(design, settings),
  ].toSorted((a, b) => a.replicate - b.replicate);
  return distinctSteps([
    ...firstSteps(design, schedule),
    ...evaluationSteps(design, testEvaluation(design), null, TABLES.arms),
    ...steps(armExperiments(design, settings).filter((e) => e.replicate === 0)),
    ...evaluationMetricSteps(design, testEvaluation(design), null, AGAIN),
    ...again(armExperiments(design, settings).filter((e) => e.replicate === 0)),
    ...renoiseSteps(design),
    ...baseSteps(design, bases),
    ...deepSteps(design),
    ...steps(armExperiments(design, settings)),
    ...again(armExperiments(design, settings)),
    ...guidanceSteps(design),
    ...evaluationSteps(design, trainingEvaluation(design), null, TABLES.trained),
    ...steps(trainedPromptExperiments(design, settings)),
    ...steps(tables),
    ...steps(doseExperiments(design, settings)),
  ]);
}

/** The plan as far as it is known before tuning, to estimate its time. */
export function forecastSteps(
  design: Design,
  schedule: NoiseSchedule,
  bases: readonly BaseModel[] = [],
): Step[] {
  const settings = { ...UNTUNED, batch: design.batch, iterations: Math.max(...design.tune.iterations) };
  return allSteps(design, schedule, settings, bases);
}

/** Pools, training and images of one row and replicate. */
function experimentSteps(design: Design, schedule: NoiseSchedule, experiment: Experiment): Step[] {
  const label = TABLES[experiment.table];
  const trainings = experiment.trainings.flatMap((training) => [
    ...poolDraws(training.set).flatMap((draw) => drawSteps(design, draw, label)),
    ...poolMeasures(design, training.set, label),
    ...(training.set.realShare > 0 ? realSteps(design, training.set) : []),
    trainingStep(design, schedule, training, label),
  ]);
  return [
    ...trainings,
    ...evaluationSteps(design, experiment.evaluation, adapterOf(design, experiment), label),
  ];
}

/** The parts asked for, and what they need from others. */
export function stepsOfParts(steps: readonly Step[], parts: readonly StudyPart[]): Step[] {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const wanted = new Set<string>();
  const want = (step: Step): void => {
    if (wanted.has(step.id)) return;
    wanted.add(step.id);
    for (const id of step.needs) {
      const needed = byId.get(id);
      if (needed !== undefined) want(needed);
    }
  };
  // Training depends on tuned settings, so parts 2 and 3 bring the tuning along.
  const all =
    parts.includes('2') || parts.includes('3') ? new Set<StudyPart>([...parts, 'tune']) : new Set(parts);
  for (const step of steps) if (all.has(step.part)) want(step);
  return steps.filter(({ id }) => wanted.has(id));
}
