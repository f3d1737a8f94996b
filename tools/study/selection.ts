/**
 * Scores that can choose images: numbers a user of the page can have. Which of them ranks best is decided on validation
 * prompts; test prompts have no say.
 */

import { tauOfAll, truthOfRandom, truthOfTop } from '../../src/analysis/ranking.ts';
import { type Summary, summarize, summarizeDifference } from '../../src/analysis/summary.ts';
import type { NoiseSchedule } from '../../src/diffusion/schedule.ts';
import { scoreRenoised } from '../../src/mi/renoisedScore.ts';
import { NO_TRUNCATION, scoreTrace } from '../../src/mi/score.ts';
import { traceOf } from './analysis/scores.ts';
import { type Design, REFERENCE_SCORE, type SelectionScore } from './design.ts';
import { type Draw, drawSteps } from './draws.ts';
import { findMeasured, type MeasuredCandidate, measureSteps } from './measures.ts';
import { promptsOfAll } from './prompts.ts';
import type { Step, StudyPart } from './steps.ts';
import type { Store } from './store.ts';

/** Cheapest first: of scores that rank alike the first is taken. */
const SELECTION_SCORES: readonly SelectionScore[] = [
  'guided',
  'guided, all t',
  're-noised orthogonal',
  're-noised standard',
];

export function needsNoisingAgain(score: SelectionScore): boolean {
  return score.startsWith('re-noised');
}

/** @throws Error where the score needs a candidate to be noised again and it was not */
export function selectionScore(
  schedule: NoiseSchedule,
  name: SelectionScore,
  candidate: MeasuredCandidate,
): number {
  const path = traceOf(candidate);
  switch (name) {
    case 'guided':
      return scoreTrace(schedule, path, REFERENCE_SCORE);
    case 'guided, all t':
      return scoreTrace(schedule, path, { ...REFERENCE_SCORE, truncation: NO_TRUNCATION });
    case 're-noised orthogonal':
      return renoised().orthogonal.value;
    case 're-noised standard':
      return renoised().standard.value;
    default:
      return name satisfies never;
  }
  function renoised() {
    if (candidate.renoised === null) throw new Error(`“${name}” needs images that were noised again.`);
    return scoreRenoised(schedule, candidate.renoised, REFERENCE_SCORE);
  }
}

const LABEL = { part: 'tune', item: 'scores on validation prompts' } as const satisfies {
  part: StudyPart;
  item: string;
};

function validationDraws({ categories, selection }: Design): readonly Draw[] {
  return promptsOfAll('val', categories, selection.prompts).map(({ text }) => ({
    text,
    first: 0,
    count: selection.candidates,
    use: 'pool',
    adapter: null,
  }));
}

export function scoreSteps(design: Design): Step[] {
  return validationDraws(design).flatMap((draw) => [
    ...drawSteps(design, draw, LABEL),
    ...measureSteps(design, draw, design.selection, LABEL),
  ]);
}

/** How one score ranks the candidates of validation prompts. */
export type SelectionRow = {
  readonly score: SelectionScore;
  /** Network evaluations per candidate beyond drawing it. */
  readonly evaluations: number;
  readonly tau: Summary;
  /** Share of claims of the first-ranked candidate minus that of a random one. */
  readonly gain: Summary;
};

/** Best first; null while candidates are missing. */
export function selectionRows(
  store: Store,
  design: Design,
  schedule: NoiseSchedule,
): readonly SelectionRow[] | null {
  const pools = validationDraws(design).map((draw) => findMeasured(store, design, draw, design.selection));
  if (pools.some((pool) => pool === undefined)) return null;
  const rows = SELECTION_SCORES.map((score): SelectionRow => {
    const rankings = pools.map((pool = []) => ({
      scores: pool.map((candidate) => selectionScore(schedule, score, candidate)),
      truth: pool.map(({ share }) => share),
    }));
    return {
      score,
      evaluations: needsNoisingAgain(score) ? 2 * design.selection.timesteps * design.selection.draws : 0,
      tau: summarize(rankings.map(tauOfAll)),
      gain: summarizeDifference(rankings.map(truthOfTop), rankings.map(truthOfRandom)),
    };
  });
  return rows.toSorted((a, b) => b.tau.estimate - a.tau.estimate);
}
