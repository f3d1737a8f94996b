/** Part 3: one table per ablation. */
import { difference, level } from '../analysis/align.ts';
import { percent, percentInterval, points, table } from './markdown.ts';
import { type Alignment, seedsOf } from './readAlignment.ts';
import type { Section, Study } from './section.ts';

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
        seedsOf(row),
        percentInterval(level(row, 'share')),
        percentInterval(level(row, 'strict')),
        percent(level(row, 'distinct').estimate),
        base === null ? '–' : points(difference(row, base, 'share')),
        row === compared || compared === undefined ? '–' : points(difference(row, compared, 'share')),
      ]),
    );
    return [`### ${title}`, note, body].filter((text) => text !== '').join('\n\n');
  });
  const { ablationPrompts: prompts, images } = design.test;
  const intro = `Judged as in part 2, on ${prompts * design.categories.length} test prompts with ${images} images each per seed; always top k by MI, and everything but what the table varies as chosen above.`;
  return { text: ['## 3. Ablations', intro, ...parts].join('\n\n'), plots: [] };
}
