/** Writes the report and its plots: everything in it follows from what is stored. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readPools } from '../analysis/pools.ts';
import { rankRows } from '../analysis/rank.ts';
import { duration } from '../budget.ts';
import { GUIDANCE, REFERENCE_SCORE, type Settings } from '../design.ts';
import { allSteps, forecastSteps } from '../plan.ts';
import { rankedPrompts } from '../ranking.ts';
import { chosenSettings } from '../tune.ts';
import { ablationSection } from './ablations.ts';
import { alignmentSection } from './alignment.ts';
import { foreignText } from './foreign.ts';
import { paperSection } from './paper.ts';
import { overallRow, rankingSection } from './ranking.ts';
import { readAlignment } from './readAlignment.ts';
import type { Section, Study } from './section.ts';
import { settingsSection } from './settings.ts';

const PLOTS = 'shapes-study';

export function writeReport(study: Study, out: string): void {
  const { text, plots } = composeReport(study);
  const folder = join(dirname(out), PLOTS);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const { name, svg } of plots) writeFileSync(join(folder, name), svg);
  writeFileSync(out, text);
}

export function composeReport(study: Study): Section {
  const { store, design, schedule } = study;
  const settings = chosenSettings(store, design, schedule);
  const pools = readPools(store, design, rankedPrompts(design));
  const tau = pools.length === 0 ? null : (overallRow(rankRows(pools, schedule))?.tau ?? null);
  const ranking = rankingSection(study);
  const alignment = settings === null ? null : readAlignment(study, settings);
  const parts: Section[] = [
    { text: preamble(study, settings), plots: [] },
    ranking,
    { text: settingsSection(study, settings), plots: [] },
    ...(settings === null || alignment === null
      ? [{ text: '## 2. Does MI-TUNE align?\n\n*Not done yet: the settings come first.*', plots: [] }]
      : [alignmentSection(alignment, study, settings), ablationSection(alignment, study)]),
    {
      text: paperSection(tau, alignment ?? { base: null, arms: [], rounds: [], ablations: [] }),
      plots: [],
    },
  ];
  return {
    text: `${parts.map((part) => part.text).join('\n\n')}\n`,
    plots: parts.flatMap((part) => part.plots),
  };
}

function preamble(study: Study, settings: Settings | null): string {
  const { store, design, schedule, model, bases, notes } = study;
  const steps =
    settings === null ? forecastSteps(design, schedule, bases) : allSteps(design, schedule, settings, bases);
  const done = steps.filter(({ id }) => store.has(id)).length;
  const { weights, truncation } = REFERENCE_SCORE;
  return [
    '# MI and MI-TUNE on the shapes world',
    'Written by `npm run study`; do not edit. On the shapes world alignment is measured exactly, from pixels: the *share of claims* of a prompt that hold in an image (soft score), and whether all of them do (strict score). The exact score chooses no image anywhere, except in the arm that says so, here and on validation prompts.',
    `Design “${design.name}”: ${done} of ${steps.length} steps are done, ${duration(store.seconds / 3600)} of computing so far; model ${model}. Images are drawn with ${design.steps} DDPM steps at guidance ${GUIDANCE}; test images of part 2 and 3 with ${design.evaluationSteps} DDIM steps. MI is the mean of the squared difference of the two predictions along that path with weights \`${weights}\`, t > ${truncation}. The seeds are fixed: the same command gives the same numbers.`,
    ...foreignText(store, steps),
    ...(notes === null ? [] : [`## How it went\n\n${notes}`]),
  ].join('\n\n');
}
