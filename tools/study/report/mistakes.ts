/** Which mistakes MI sees, as a table. */
import type { NoiseSchedule } from '../../../src/diffusion/schedule.ts';
import { mistakeRows } from '../analysis/mistakes.ts';
import type { Pool } from '../analysis/pools.ts';
import { interval, percent, table } from './markdown.ts';

export function mistakeText(pools: readonly Pool[], schedule: NoiseSchedule): string {
  const rows = mistakeRows(pools, schedule);
  const all = table(
    ['mistake', 'share of candidates', 'MI prefers the right picture, share of pairs', 'prompts with both'],
    rows.map(({ kind, share, preferred }) => [
      kind,
      percent(share),
      interval(preferred),
      String(preferred.count),
    ]),
  );
  return [
    'Within each prompt, pictures that show everything are compared with pictures that have one kind of mistake: one half is chance. An object that is not there comes before all other mistakes, a relation after them.',
    all,
  ].join('\n\n');
}
