/**
 * Learning rate, iterations and k, chosen on validation prompts: the setting whose adapters' images satisfy the
 * largest share of claims there. The mean over two arms decides, choice at random and choice by the exact score: training
 * is to pass on what a choice offers and to do no harm where it offers nothing. Test prompts have no say.
 */
import type { NoiseSchedule } from '../../src/diffusion/schedule.ts';
import { mean } from '../../src/lib/stats.ts';
import { type Design, type Settings, UNTUNED } from './design.ts';
import { type AdapterRef, drawSteps } from './draws.ts';
import { evaluationSteps, findEvaluation, validation } from './evaluation.ts';
import { scoreSteps, selectionRows } from './selection.ts';
import { type Arm, poolDraws, type SetSpec } from './sets.ts';
import type { Step } from './steps.ts';
import type { Store } from './store.ts';
import { type Training, trainingId, trainingStep } from './training.ts';

const TUNED_ARMS = ['random', 'exact'] as const satisfies readonly Arm[];

/** The set of replicate `replicate` on the pool that parts 2 and 3 share. */
export function sharedSet(
  design: Design,
  arm: Arm,
  { keep, score }: Pick<Settings, 'keep' | 'score'>,
  replicate: number,
): SetSpec {
  const { prompts, candidates } = design.pool;
  return {
    categories: design.categories,
    prompts,
    candidates,
    keep,
    arm,
    replicate,
    first: replicate * candidates,
    drawnBy: null,
    round: 1,
    realShare: 0,
    score,
  };
}

/** One point of the grid; its adapters are kept at every number of iterations. */
type GridPoint = Pick<Settings, 'learningRate' | 'keep'>;

function gridPoints({ tune }: Design): GridPoint[] {
  return tune.learningRates.flatMap((learningRate) => tune.keeps.map((keep) => ({ learningRate, keep })));
}

function trainingOf(design: Design, point: GridPoint, arm: Arm): Training {
  const iterations = Math.max(...design.tune.iterations);
  const settings = { ...UNTUNED, ...point, iterations, batch: design.batch };
  return { set: sharedSet(design, arm, settings, 0), settings, start: null };
}

export function tuneSteps(design: Design, schedule: NoiseSchedule): Step[] {
  const label = { part: 'tune', item: 'settings on validation prompts' } as const;
  const pool = poolDraws(sharedSet(design, 'random', UNTUNED, 0)).flatMap((draw) =>
    drawSteps(design, draw, { part: 'tune', item: 'training pool' }),
  );
  if (isDecided(design)) return [...scoreSteps(design), ...pool];
  const judged = validation(design);
  const grid = gridPoints(design).flatMap((point) =>
    TUNED_ARMS.flatMap((arm) => {
      const training = trainingOf(design, point, arm);
      const id = trainingId(design, training);
      return [
        trainingStep(design, schedule, training, label, design.tune.iterations),
        ...design.tune.iterations.flatMap((step) =>
          evaluationSteps(design, judged, { training: id, step }, label),
        ),
      ];
    }),
  );
  return [...scoreSteps(design), ...pool, ...evaluationSteps(design, judged, null, label), ...grid];
}

/** Nothing to choose where the grid has a single point. */
function isDecided(design: Design): boolean {
  return gridPoints(design).length * design.tune.iterations.length === 1;
}

/** Share of claims on validation prompts at one setting, per arm and of both. */
type TuneRow = GridPoint & {
  readonly iterations: number;
  readonly shares: Readonly<Record<(typeof TUNED_ARMS)[number], number>>;
  readonly mean: number;
};

/** What is known of the grid so far, best first. */
export function tuneRows(store: Store, design: Design): readonly TuneRow[] {
  const rows = gridPoints(design).flatMap((point) =>
    design.tune.iterations.flatMap((iterations): TuneRow[] => {
      const shares = TUNED_ARMS.map((arm) => {
        const training = trainingId(design, trainingOf(design, point, arm));
        return validationShare(store, design, { training, step: iterations });
      });
      const [random, exact] = shares;
      if (random === undefined || exact === undefined) return [];
      return [{ ...point, iterations, shares: { random, exact }, mean: (random + exact) / 2 }];
    }),
  );
  return rows.toSorted((a, b) => b.mean - a.mean);
}

/** Share of claims of a model's images on validation prompts; undefined while they are not all there. */
export function validationShare(
  store: Store,
  design: Design,
  adapter: AdapterRef | null,
): number | undefined {
  const prompts = findEvaluation(store, design, validation(design), adapter);
  return prompts && mean(prompts.flatMap(({ images }) => images.map((image) => image.share)));
}

/** The chosen settings, or null while the grid or the comparison of scores is incomplete. */
export function chosenSettings(store: Store, design: Design, schedule: NoiseSchedule): Settings | null {
  const score = selectionRows(store, design, schedule)?.[0]?.score;
  if (score === undefined) return null;
  const base = { ...UNTUNED, batch: design.batch, score };
  if (isDecided(design)) {
    const { learningRates, iterations, keeps } = design.tune;
    return {
      ...base,
      learningRate: learningRates[0] as number,
      iterations: iterations[0] as number,
      keep: keeps[0] as number,
    };
  }
  const rows = tuneRows(store, design);
  const best = rows[0];
  if (best === undefined || rows.length < gridPoints(design).length * design.tune.iterations.length)
    return null;
  const { learningRate, iterations, keep } = best;
  return { ...base, learningRate, iterations, keep };
}
