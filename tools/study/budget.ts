/** What the study will take, before it starts: per part and item, from a speed measured on this machine. */
import type { NoiseSchedule } from '../../src/diffusion/schedule.ts';
import { DESIGNS, type Design } from './design.ts';
import { groupBy } from './group.ts';
import { forecastSteps } from './plan.ts';
import type { Speed } from './protocol.ts';
import { addCosts, type Step, type StudyPart, secondsOf } from './steps.ts';
import type { Store } from './store.ts';

type BudgetRow = {
  readonly part: StudyPart;
  readonly item: string;
  readonly steps: number;
  readonly done: number;
  /** Hours that are left, with all workers. */
  readonly hours: number;
};

/** @param speed of one worker while all of them work */
export function budget(
  steps: readonly Step[],
  store: Pick<Store, 'has'>,
  speed: Speed,
  workers: number,
): readonly BudgetRow[] {
  const groups = groupBy(steps, ({ part, item }) => `${part}\n${item}`);
  return [...groups.values()].map((group) => {
    const { part, item } = group[0] as Step;
    const open = group.filter(({ id }) => !store.has(id));
    const seconds = secondsOf(addCosts(open.map((step) => step.cost)), speed);
    return {
      part,
      item,
      steps: group.length,
      done: group.length - open.length,
      hours: seconds / workers / 3600,
    };
  });
}

export function budgetLines(rows: readonly BudgetRow[]): string[] {
  const line = (part: string, item: string, steps: string, done: string, time: string): string =>
    `${part.padEnd(5)} ${item.padEnd(32)} ${steps.padStart(6)} ${done.padStart(6)} ${time.padStart(9)}`;
  const total = rows.reduce((sum, row) => sum + row.hours, 0);
  return [
    line('part', 'item', 'steps', 'done', 'to do'),
    ...rows.map((r) => line(r.part, r.item, String(r.steps), String(r.done), duration(r.hours))),
    line('', 'together', '', '', duration(total)),
  ];
}

export function duration(hours: number): string {
  const minutes = Math.round(hours * 60);
  return minutes < 60
    ? `${minutes} min`
    : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')}`;
}

/** The rest of a study that does not fit is left undone, but no more than this share of it. */
const UNDONE_SHARE = 0.35;

/**
 * The largest design of which, at this speed, at most a third would be left undone in the hours given. As steps come
 * in the order of their worth, a design that is cut off says more than a smaller one that is complete.
 */
export function designFor(hours: number, schedule: NoiseSchedule, speed: Speed, workers: number): Design {
  const sizes = DESIGNS.filter(({ name }) => name !== 'quick');
  const fits = (design: Design): boolean => {
    const cost = addCosts(forecastSteps(design, schedule).map((step) => step.cost));
    return (secondsOf(cost, speed) / workers / 3600) * (1 - UNDONE_SHARE) <= hours;
  };
  return sizes.findLast(fits) ?? (sizes[0] as Design);
}
