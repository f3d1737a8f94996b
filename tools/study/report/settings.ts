/** How the settings of parts 2 and 3, and of the demo, were chosen. */
import { presetSettings } from '../../../src/jobs/presets.ts';
import type { Settings } from '../design.ts';
import { tuneRows, validationShare } from '../tune.ts';
import { number, percent, table } from './markdown.ts';
import type { Study } from './section.ts';

export function settingsSection({ store, design }: Study, settings: Settings | null): string {
  const rows = tuneRows(store, design);
  const base = validationShare(store, design, null);
  const { prompts, images } = design.tune;
  return [
    '## Settings, from validation prompts',
    `Learning rate, iterations and k are those whose adapters’ images satisfy most claims on ${prompts * design.categories.length} validation prompts with ${images} images each, averaged over the MI and the random arm so that neither is favored. Test prompts have no say.`,
    ...(base === undefined ? [] : [`The base model satisfies ${percent(base)} of the claims there.`]),
    settings === null ? '*Not complete yet.*' : chosen(settings, rows[0]?.mean, base),
    rows.length === 0
      ? ''
      : table(
          ['learning rate', 'iterations', 'k', 'MI arm', 'random arm', 'mean'],
          rows.map((row) => [
            String(row.learningRate),
            String(row.iterations),
            String(row.keep),
            percent(row.shares.mi),
            percent(row.shares.random),
            percent(row.mean),
          ]),
        ),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function chosen(settings: Settings, best: number | undefined, base: number | undefined): string {
  const { learningRate, iterations, keep, batch, rank } = settings;
  const { training, selection } = presetSettings('demo');
  const same =
    training.learningRate === learningRate && training.iterations === iterations && selection.keep === keep;
  const warning =
    best !== undefined && base !== undefined && best <= base
      ? ` No setting was better than the base model (${number(100 * (best - base), 1)} points): on sets of this size training harms, and what follows compares how much.`
      : '';
  return `Chosen: learning rate ${learningRate}, ${iterations} steps of ${batch} images, k = ${keep}; DoRA of rank ${rank}.${warning} The demo preset ${same ? 'has these values' : `has learning rate ${training.learningRate}, ${training.iterations} iterations, k = ${selection.keep}`}.`;
}
