/** How the settings of parts 2 and 3, and of the demo, were chosen. */
import { presetSettings } from '../../../src/contract/presets.ts';
import type { ScoreSpec } from '../../../src/contract/spec.ts';
import { REFERENCE_SCORE, type Settings } from '../design.ts';
import { type SelectionRow, selectionRows } from '../selection.ts';
import { tuneRows, validationShare } from '../tune.ts';
import { interval, number, percent, points, table } from './markdown.ts';
import type { Study } from './section.ts';

export function settingsSection(study: Study, settings: Settings | null): string {
  const { store, design } = study;
  const rows = tuneRows(store, design);
  const base = validationShare(store, design, null);
  const { prompts, images } = design.tune;
  return [
    '## Settings, from validation prompts',
    `Learning rate, iterations and k are those whose adapters’ images satisfy most claims on ${prompts * design.categories.length} validation prompts with ${images} images each, averaged over choice at random and choice by the exact score: training is to pass on what a choice offers and to do no harm where it offers nothing. Of the arms compared later this favors the control and the exact score, if any, so what MI is worth against random is if anything too low. Test prompts have no say.`,
    ...(base === undefined ? [] : [`The base model satisfies ${percent(base)} of the claims there.`]),
    settings === null ? '*Not complete yet.*' : chosen(settings, rows[0]?.mean, base),
    rows.length === 0
      ? ''
      : table(
          ['learning rate', 'iterations', 'k', 'random', 'exact', 'mean'],
          rows.map((row) => [
            String(row.learningRate),
            String(row.iterations),
            String(row.keep),
            percent(row.shares.random),
            percent(row.shares.exact),
            percent(row.mean),
          ]),
        ),
    selectionSection(study),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function demoText(rows: readonly SelectionRow[]): string {
  const free = rows.find(({ evaluations }) => evaluations === 0)?.score;
  const used = nameOf(presetSettings('demo').score);
  return `Of those that cost nothing beyond drawing “${free}” has the highest tau; the demo preset uses ${used === free ? 'it' : `“${used}”`}.`;
}

/** Which score chooses in the arm of its own. */
function selectionSection({ store, design, schedule }: Study): string {
  const rows = selectionRows(store, design, schedule);
  if (rows === null) return '';
  const { prompts, candidates, timesteps, draws } = design.selection;
  return [
    `Scores by which images can be chosen, on ${prompts * design.categories.length} validation prompts with ${candidates} candidates each (re-noised: ${timesteps} timesteps, ${draws} ${draws === 1 ? 'noise' : 'noises'} each). ${rows[0]?.score === 'guided' ? 'MI as the official code has it has the highest tau, so no other score gets an arm in part 2.' : 'The one with the highest tau has an arm of its own in part 2, beside MI as the official code has it.'} ${demoText(rows)}`,
    table(
      ['score', 'evaluations beyond drawing', 'tau', 'top-1 − random, points'],
      rows.map(({ score, evaluations, tau, gain }) => [
        score,
        String(evaluations),
        interval(tau),
        points(gain),
      ]),
    ),
  ].join('\n\n');
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

/** A run's score in the words of the study. */
function nameOf({ path, estimator, truncation }: ScoreSpec): string {
  if (path === 'renoise') return `re-noised ${estimator}`;
  if (truncation === REFERENCE_SCORE.truncation) return path;
  return truncation <= 0 ? `${path}, all t` : `${path}, t > ${truncation}`;
}
