/**
 * The study as a list of steps. A step is a few seconds of work of one browser page; its id says all that its result
 * depends on, so a finished step is never done again, whatever design asks for it.
 */
import type { PageRequest, Speed } from './protocol.ts';
import type { Store } from './store.ts';

export type StudyPart = 'tune' | '1' | '2' | '3' | 'methods';

/** What a step takes, in units that a machine's speed turns into time. */
type Cost = {
  readonly evaluations: number;
  readonly images: number;
  readonly samples: number;
};

export type Step = {
  readonly id: string;
  readonly part: StudyPart;
  /** The line of the budget it belongs to. */
  readonly item: string;
  /** Steps whose results the request is made from. */
  readonly needs: readonly string[];
  readonly cost: Cost;
  readonly request: (store: Store) => PageRequest;
};

export const NO_COST: Cost = { evaluations: 0, images: 0, samples: 0 };

export function addCosts(costs: readonly Cost[]): Cost {
  return costs.reduce(
    (sum, cost) => ({
      evaluations: sum.evaluations + cost.evaluations,
      images: sum.images + cost.images,
      samples: sum.samples + cost.samples,
    }),
    NO_COST,
  );
}

/** Worker seconds of a cost. */
export function secondsOf(cost: Cost, speed: Speed): number {
  const { evaluationMs, imageMs, sampleMs } = speed;
  return (cost.evaluations * evaluationMs + cost.images * imageMs + cost.samples * sampleMs) / 1000;
}

/** Steps in their order, each id once. */
export function distinctSteps(steps: readonly Step[]): Step[] {
  const seen = new Set<string>();
  return steps.filter(({ id }) => !seen.has(id) && seen.add(id));
}
