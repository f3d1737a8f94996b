/** The report of the demonstration's check. */
import { type ConfidenceInterval, mean, pairedBootstrap } from '../../src/lib/stats.ts';
import { demoSpec, firstExample, type SeedResult } from './oneSeed.ts';

/** What the demonstration is held to. */
export const BAR = { points: 15, seconds: 180, seeds: 9, of: 10 } as const;
const BOOTSTRAP_SEED = 1;

type SeedRow = {
  readonly seed: number;
  readonly before: number;
  readonly after: number;
  readonly change: ConfidenceInterval;
  readonly random: ConfidenceInterval;
  readonly passed: boolean;
};

export function rowOf({ seed, before, mi, random }: SeedResult): SeedRow {
  const change = pairedBootstrap(mi, before, { seed: BOOTSTRAP_SEED });
  return {
    seed,
    before: mean(before),
    after: mean(mi),
    change,
    random: pairedBootstrap(random, before, { seed: BOOTSTRAP_SEED }),
    passed: 100 * change.estimate >= BAR.points && change.low > 0,
  };
}

/** Over seeds: each seed's mean is one value, as pictures of one adapter belong together. */
function overSeeds(
  results: readonly SeedResult[],
  read: (result: SeedResult) => readonly number[],
  against: (result: SeedResult) => readonly number[],
): ConfidenceInterval {
  const means = (lists: readonly (readonly number[])[]): number[] => lists.map(mean);
  return pairedBootstrap(means(results.map(read)), means(results.map(against)), { seed: BOOTSTRAP_SEED });
}

export function demoReport(results: readonly SeedResult[]): string {
  const rows = results.map(rowOf);
  const passed = rows.filter((row) => row.passed).length;
  const { sampling, selection, training, prompts } = demoSpec(0);
  const slow = results.filter(({ load }) => Math.max(...load) > 1);
  const lines = [
    '# Does the demonstration win?',
    '',
    `Written by \`npm run demo:check\`: the page’s first example (\`${firstExample()}\`, ${prompts.length} prompts) with the`,
    `demo preset, on wasm in a headless Chromium: ${selection.candidates} candidates of ${sampling.steps} steps at guidance ${sampling.guidance}, ${training.iterations} iterations of`,
    `${training.batch} images at learning rate ${training.learningRate}. Judged on held-out prompts, the same seeds before and after. Intervals are`,
    '95%, over pictures in a row, over seeds below the table. “Random” trains in the same way on pictures chosen by lot from',
    'the same candidates: what any training does.',
    '',
    `**${passed} of ${rows.length} seeds** rise by at least ${BAR.points} points of claims with an interval above zero (asked for: ${BAR.seeds} of ${BAR.of}).`,
    ...(rows.length < BAR.of
      ? ['', `Not finished: ${BAR.of - rows.length} seeds are still to be run; the same command goes on.`]
      : []),
    '',
    '| seed | before | after | MI, points | random, points | seconds | held |',
    '|---|---|---|---|---|---|---|',
    ...rows.map((row, i) => {
      const seconds = Math.round(results[i]?.seconds ?? 0);
      return `| ${row.seed} | ${row.before.toFixed(2)} | ${row.after.toFixed(2)} | ${points(row.change)} | ${points(row.random)} | ${seconds} | ${row.passed ? 'yes' : 'no'} |`;
    }),
    '',
    overSeedsLine(results),
    '',
    slow.length === 0
      ? `All seeds were run on an otherwise idle machine; ${BAR.seconds} seconds are asked for on two cores.`
      : `The machine was shared in ${slow.length} of ${rows.length} runs (up to ${Math.max(...slow.flatMap(({ load }) => load)).toFixed(1)} processes per core wanted to run), so their seconds say nothing about the ${BAR.seconds} that are asked for on two idle cores.`,
  ];
  return `${lines.join('\n')}\n`;
}

/** Few seeds have no interval worth printing. */
function overSeedsLine(results: readonly SeedResult[]): string {
  if (results.length < 3) return 'Means over seeds come with the third.';
  const [before, mi, random] = [
    (result: SeedResult) => result.before,
    (result: SeedResult) => result.mi,
    (result: SeedResult) => result.random,
  ] as const;
  const [gain, chance, added] = [
    overSeeds(results, mi, before),
    overSeeds(results, random, before),
    overSeeds(results, mi, random),
  ].map(points);
  return `Over seeds: MI minus base ${gain}, random minus base ${chance}, **MI minus random ${added}**.`;
}

function points({ estimate, low, high }: ConfidenceInterval): string {
  const signed = (value: number): string => `${value >= 0 ? '+' : ''}${(100 * value).toFixed(1)}`;
  return `${signed(estimate)} [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`;
}
