/** How early a pool can be thinned out, in a sentence and a table. */
import type { NoiseSchedule } from '../../../src/diffusion/schedule.ts';
import { cheapest, type EarlyStopRow, earlyStopRows } from '../analysis/earlyStop.ts';
import type { Pool } from '../analysis/pools.ts';
import { interval, percent, points, table } from './markdown.ts';

/** Asked for: the same winner in 95% of the prompts for two fifths of the evaluations. */
const EARLY_STOP = { same: 0.95, cost: 0.4 } as const;

export function earlyStopText(pools: readonly Pool[], schedule: NoiseSchedule): string {
  const rows = earlyStopRows(pools, schedule);
  return [verdict(rows), earlyStopTable(rows)].join('\n\n');
}

function verdict(rows: readonly EarlyStopRow[]): string {
  const found = cheapest(rows, EARLY_STOP.same);
  const asked = `at most ${percent(EARLY_STOP.cost)} of the evaluations and the same winner in ${percent(EARLY_STOP.same)} of the prompts`;
  if (found === undefined) return `No way of dropping candidates early reaches ${asked}.`;
  const words = `dropping all but ${percent(found.kept)} after ${found.steps} of ${found.ofSteps} steps keeps the winner in ${percent(found.same.estimate)} of the prompts for ${percent(found.cost)} of the evaluations`;
  return found.cost <= EARLY_STOP.cost
    ? `The cheapest way: ${words}. That is ${asked}.`
    : `The cheapest way to keep the winner that often: ${words}. It misses ${asked}.`;
}

function earlyStopTable(rows: readonly EarlyStopRow[]): string {
  return table(
    ['dropped after', 'go on', 'evaluations', 'same winner', 'claims of the winner, change in points'],
    rows.map((row) => [
      `step ${row.steps} of ${row.ofSteps}`,
      percent(row.kept),
      percent(row.cost),
      interval(row.same),
      points(row.loss),
    ]),
  );
}
