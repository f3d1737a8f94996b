/** Part 1 in words, tables and plots. */
import type { Summary } from '../../../src/analysis/summary.ts';
import { type Finding, findingOf } from '../analysis/bootstrap.ts';
import {
  type BranchRow,
  branchRows,
  type DiagnosisRow,
  diagnosisRows,
  tiedShare,
} from '../analysis/diagnosis.ts';
import { type Pool, readPools } from '../analysis/pools.ts';
import {
  type GuidanceRow,
  guidanceRows,
  type RankRow,
  rankRows,
  type ScoreRow,
  scoreRows,
  tauByTimestep,
} from '../analysis/rank.ts';
import { GUIDANCE } from '../design.ts';
import { comparedGuidances, guidedPrompts, rankedPrompts } from '../ranking.ts';
import { baseSection } from './bases.ts';
import { earlyStopText } from './earlyStop.ts';
import { interval, number, percent, points, table } from './markdown.ts';
import { mistakeText } from './mistakes.ts';
import { deepText } from './paperTables.ts';
import type { Section, Study } from './section.ts';
import { intervalPlot, linePlot } from './svg.ts';

export function rankingSection(study: Study): Section {
  const { store, design, schedule } = study;
  const wanted = rankedPrompts(design);
  const pools = readPools(store, design, wanted);
  if (pools.length === 0) return { text: '## 1. Does MI rank?\n\n*Not done yet.*', plots: [] };
  const rows = rankRows(pools, schedule);
  const scores = scoreRows(pools, schedule, design);
  const guidances = guidanceRows(
    comparedGuidances(design).map((guidance) => ({
      guidance,
      pools: readPools(store, design, guidedPrompts(design, guidance)),
    })),
    GUIDANCE,
    schedule,
  );
  const seen = pools.filter((pool) => pool.category !== 'unseen');
  const diagnosis = diagnosisRows(pools, schedule);
  const branch = branchRows(pools);
  const bases = baseSection(study);
  const text = [
    '## 1. Does MI rank?',
    `${pools.length} of ${wanted.length} prompts are done, ${design.rank.candidates} candidates each. Every prompt is from the test split (or *unseen*: a combination of color and shape that no training image shows). Intervals are 95%, over prompts.`,
    overall(rows, pools),
    rankTable(rows),
    '![Kendall’s tau per category](shapes-study/tau-by-category.svg)',
    '### Which mistakes MI sees',
    mistakeText(seen, schedule),
    '### How early a pool can be thinned out',
    earlyStopText(seen, schedule),
    '### Scores against each other',
    scoreText(scores),
    scoreTable(scores),
    '![Kendall’s tau of every score](shapes-study/tau-by-score.svg)',
    '![Kendall’s tau of single timesteps of the path](shapes-study/tau-by-timestep.svg)',
    deepText(study),
    bases.text,
    '### Guidance',
    guidanceTable(guidances),
    '### Why',
    diagnosisText(diagnosis, branch, rows),
    diagnosisTable(diagnosis),
    branchTable(branch),
  ];
  return {
    text: text.filter((part) => part !== '').join('\n\n'),
    plots: [...plots(rows, scores, pools), ...bases.plots],
  };
}

const CHANCE: Readonly<Record<Finding, string>> = {
  positive: 'MI ranks better than chance',
  negative: 'MI ranks worse than chance',
  open: 'MI ranks no better than chance, as far as these numbers can tell',
  none: 'There is too little yet to say whether MI ranks',
};

/** The line over all categories. */
export function overallRow(rows: readonly RankRow[]): RankRow | undefined {
  return rows.find((row) => row.category === 'all but unseen');
}

function overall(rows: readonly RankRow[], pools: readonly Pool[]): string {
  const all = overallRow(rows);
  if (all === undefined) return '';
  const named = (finding: Finding): string =>
    rows
      .filter((row) => row !== all && findingOf(row.tau) === finding)
      .map((row) => row.category)
      .join(', ') || 'none';
  return [
    `**${CHANCE[findingOf(all.tau)]}**: tau is ${interval(all.tau)} over all candidates.`,
    `The candidate with the highest MI satisfies ${percent(all.share.top)} of the claims, a random one ${percent(all.share.random)}, the pool’s best ${percent(all.share.best)}; the choice by MI is worth ${points(all.share.gain)} percentage points.`,
    `Categories where the interval lies above 0: ${named('positive')}; below 0: ${named('negative')}; around 0: ${named('open')}. They rest on few prompts each, and among seven one may lie apart by chance.`,
    `In ${percent(tiedShare(pools))} of the prompts all candidates have the same exact score; they have no tau and are left out of it.`,
  ].join(' ');
}

function rankTable(rows: readonly RankRow[]): string {
  const order = table(
    [
      'category',
      'prompts',
      'tau over all candidates',
      'prompts with a tau',
      'tau of first, middle, last',
      'prompts with a tau',
    ],
    rows.map((row) => [
      row.category,
      String(row.prompts),
      interval(row.tau),
      String(row.tau.count),
      interval(row.tauOfThree),
      String(row.tauOfThree.count),
    ]),
  );
  const choice = (name: string, pick: (row: RankRow) => RankRow['share']): string =>
    table(
      [name, 'highest MI', 'random', 'best of the pool', 'highest MI − random, points'],
      rows.map((row) => {
        const { top, random, best, gain } = pick(row);
        return [row.category, percent(top), percent(random), percent(best), points(gain)];
      }),
    );
  return [
    order,
    choice('share of claims', (row) => row.share),
    choice('strict score', (row) => row.strict),
  ].join('\n\n');
}

function scoreText(rows: readonly ScoreRow[]): string {
  const usable = rows.slice(1).filter((row) => !row.peeks);
  const list = (finding: Finding): string =>
    usable
      .filter((row) => findingOf(row.difference) === finding)
      .toSorted((a, b) => b.difference.estimate - a.difference.estimate)
      .map((row) => `${row.group}: ${row.label} (${interval(row.difference)})`)
      .join('; ') || 'none';
  const free = best(rows.filter((row) => !row.peeks && row.evaluations === 0));
  const paid = best(rows.filter((row) => !row.peeks && row.evaluations > 0));
  const perEvaluation =
    free === undefined || paid === undefined
      ? ''
      : `Without further evaluations the highest tau is that of *${free.group}: ${free.label}* (${number(free.tau.estimate)}); with them that of *${paid.label}* (${number(paid.tau.estimate)}) for ${paid.evaluations} evaluations per candidate.`;
  return [
    'All scores are computed from stored pools, and each is compared with the reference on the same prompts.',
    `Better than the reference: ${list('positive')}. Worse: ${list('negative')}.`,
    `With ${usable.length} comparisons, about ${Math.max(1, Math.round(usable.length * 0.05))} would fall outside 95% by chance alone.`,
    perEvaluation,
    'Scores marked * look at the area that the exact scorer found: they explain, and cannot be used.',
  ]
    .filter((part) => part !== '')
    .join(' ');
}

function best(rows: readonly ScoreRow[]): ScoreRow | undefined {
  return rows.toSorted((a, b) => b.tau.estimate - a.tau.estimate)[0];
}

function scoreTable(rows: readonly ScoreRow[]): string {
  return table(
    ['score', 'evaluations beyond drawing', 'prompts', 'tau', 'tau − reference', 'top-1 − random, points'],
    rows.map((row) => [
      `${row.group}: ${row.label}${row.peeks ? ' *' : ''}`,
      String(row.evaluations),
      `${row.prompts} (${row.tau.count})`,
      interval(row.tau),
      row === rows[0] ? '–' : interval(row.difference),
      points(row.gain),
    ]),
  );
}

function guidanceTable(rows: readonly GuidanceRow[]): string {
  return table(
    [
      'guidance',
      'prompts',
      'candidates',
      'tau',
      `tau − (${GUIDANCE})`,
      'claims: random',
      'top-1 − random, points',
      'strict: random',
      'best',
    ],
    rows.map((row) => [
      row.guidance === 1 ? '1 (conditional path)' : String(row.guidance),
      `${row.prompts} (${row.tau.count})`,
      String(row.candidates),
      interval(row.tau),
      row.guidance === GUIDANCE ? '–' : interval(row.difference),
      percent(row.share.random),
      points(row.share.gain),
      percent(row.strict.random),
      percent(row.strict.best),
    ]),
  );
}

/** Sentences that follow from the numbers alone. */
function diagnosisText(
  rows: readonly DiagnosisRow[],
  branch: readonly BranchRow[],
  ranks: readonly RankRow[],
): string {
  const tau = (question: string): Summary | undefined => rows.find((row) => row.question === question)?.tau;
  const [alignment, area, useful, twoDraws] = [
    'MI and share of claims',
    'MI and area of the objects',
    'area of the objects and share of claims',
    'two noise draws of the re-noised orthogonal score',
  ].map(tau);
  const sentences: string[] = [];
  if (alignment !== undefined && area !== undefined && findingOf(area) === 'positive') {
    const more =
      findingOf(alignment) !== 'positive'
        ? ''
        : area.low > alignment.high
          ? ', more than with what the prompt says'
          : ', too';
    sentences.push(`MI goes with the area that objects cover${more} (tau ${interval(area)}).`);
  }
  if (useful !== undefined && findingOf(useful) !== 'none') {
    const word = { positive: 'itself a sign of', negative: 'a sign against', open: 'no sign of', none: '' };
    sentences.push(`Area is ${word[findingOf(useful)]} alignment here (tau ${interval(useful)}).`);
  }
  if (twoDraws !== undefined && findingOf(twoDraws) !== 'none') {
    const clear = twoDraws.low > 0.5;
    sentences.push(
      clear
        ? `Two independent noises order the candidates alike (tau ${interval(twoDraws)}): the re-noised score is well determined, so where it does not rank, it is because of what it measures and not of noise.`
        : `Two independent noises agree about the order of the candidates only so far (tau ${interval(twoDraws)}): with one draw per timestep a part of the re-noised score is noise.`,
    );
  }
  const judged = branch.filter((row) => findingOf(row.errorFall) !== 'none');
  const helps = judged.filter((row) => findingOf(row.errorFall) === 'positive');
  if (judged.length > 0) {
    sentences.push(
      helps.length === 0
        ? 'At no noise level does the prompt lower the error of the network on its own images: the unconditional branch is as good as the conditional one there.'
        : `Knowing the prompt lowers the error at t = ${helps.map((row) => row.t).join(', ')}, most at t = ${strongest(helps).t} (${percent(strongest(helps).errorFall.estimate)} of the unconditional error).`,
    );
  }
  const all = overallRow(ranks);
  if (all !== undefined && all.prompts >= 4 && all.strict.best - all.strict.random < 0.1)
    sentences.push('Candidates of a prompt hardly differ in the strict score, so there is little to rank.');
  return sentences.join(' ');
}

function strongest(rows: readonly BranchRow[]): BranchRow {
  return rows.toSorted((a, b) => b.errorFall.estimate - a.errorFall.estimate)[0] as BranchRow;
}

function diagnosisTable(rows: readonly DiagnosisRow[]): string {
  return table(
    ['orders of candidates compared, within prompts', 'tau', 'prompts'],
    rows.map(({ question, tau }) => [question, interval(tau), String(tau.count)]),
  );
}

function branchTable(rows: readonly BranchRow[]): string {
  if (rows.length === 0) return '';
  return table(
    ['t', 'fall of the error by the prompt, share of unconditional error', 'squared difference, same unit'],
    rows.map((row) => [String(row.t), interval(row.errorFall, 4), number(row.difference, 4)]),
  );
}

function plots(
  rows: readonly RankRow[],
  scores: readonly ScoreRow[],
  pools: readonly Pool[],
): Section['plots'] {
  const axis = 'Kendall’s tau against the share of claims that hold';
  return [
    {
      name: 'tau-by-category.svg',
      svg: intervalPlot(
        'MI against the exact score, per category',
        axis,
        rows.map((r) => ({ label: r.category, ...r.tau })),
      ),
    },
    {
      name: 'tau-by-score.svg',
      svg: intervalPlot(
        'Scores against each other',
        axis,
        scores.map((row) => ({ label: `${row.label}${row.peeks ? ' *' : ''}`, ...row.tau })),
      ),
    },
    {
      name: 'tau-by-timestep.svg',
      svg: linePlot('Squared difference at a single step of the path', { x: 't', y: 'Kendall’s tau' }, [
        {
          name: 'guided path',
          points: tauByTimestep(pools).map(({ t, tau }) => ({
            x: t,
            y: tau.estimate,
            low: tau.low,
            high: tau.high,
          })),
        },
      ]),
    },
  ];
}
