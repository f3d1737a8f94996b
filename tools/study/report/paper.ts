/** What the paper says, held against these numbers: the verdicts follow from intervals by rule. */

import type { Summary } from '../../../src/analysis/summary.ts';
import type { ConfidenceInterval } from '../../../src/lib/stats.ts';
import { difference, type Outcome } from '../analysis/align.ts';
import { type Finding, findingOf } from '../analysis/bootstrap.ts';
import { interval, points, table } from './markdown.ts';
import { type Ablation, type Alignment, armOf } from './readAlignment.ts';

type Row = { readonly says: string; readonly here: string; readonly verdict: string };

const SEEN: Readonly<Record<Finding, string>> = {
  positive: 'seen here',
  negative: '**contradicted**',
  open: 'not shown either way',
  none: 'not done yet',
};

/** For claims of no difference: an interval around 0 agrees with them without proving them. */
const SAME: Readonly<Record<Finding, string>> = {
  positive: '**contradicted** (it helps)',
  negative: '**contradicted** (it harms)',
  open: 'no difference seen here either',
  none: 'not done yet',
};

/** For what the paper does not speak about. */
const SHOWN: Readonly<Record<Finding, string>> = {
  positive: 'shown',
  negative: 'the other way round',
  open: 'not shown either way',
  none: 'not done yet',
};

/** Fewer seeds than this say little about adapters in general. */
const FEWEST_SEEDS = 3;

/** @param tau of MI against the exact score over all prompts; null before part 1 */
export function paperSection(
  tau: Summary | null,
  { base, arms, rounds, ablations }: Alignment | Unstarted,
): string {
  const mi = armOf(arms, 'mi');
  const random = armOf(arms, 'random');
  const chosen = armOf(arms, 'chosen');
  const change = (a: Outcome | null | undefined, b: Outcome | null | undefined) =>
    a && b ? difference(a, b, 'share') : null;
  const rows: Row[] = [
    row(
      'Images of higher MI agree better with their prompt (section 3)',
      tau,
      SEEN,
      (t) => `tau ${interval(t)}`,
    ),
    row('MI-TUNE aligns better than the base model (Table 1)', change(mi, base), SEEN),
    row('(Not in the paper:) choice by MI aligns better than choice at random', change(mi, random), SHOWN),
    ...(chosen === undefined
      ? []
      : [
          row(
            '(Not in the paper:) choice by the score that validation chose aligns better than choice at random',
            change(chosen, random),
            SHOWN,
          ),
        ]),
    row(
      '(Not in the paper:) choice by the exact score aligns better than choice at random',
      change(armOf(arms, 'exact'), random),
      SHOWN,
    ),
    row(
      'A second round aligns further (Table 1)',
      change(armOf(rounds, 'mi', 'R = 2'), armOf(rounds, 'mi', 'R = 1')),
      SEEN,
    ),
    row(
      'A third round aligns a little further on average: in two of six categories (Table 1)',
      change(armOf(rounds, 'mi', 'R = 3'), armOf(rounds, 'mi', 'R = 2')),
      SEEN,
    ),
    row('More than 50 candidates do not help (Table 6)', ladder(ablations), SAME),
    row('More images than one per prompt are worse (Table 6)', negated(mostKept(ablations)), SEEN),
    row('A quarter of real images changes little (Table 7)', labeled(ablations, 'Share', '0.25'), SAME),
    row('Mostly real images are worse (Table 7)', negated(labeled(ablations, 'Share', '0.9')), SEEN),
    row('DoRA is better than LoRA (Table 8)', negated(labeled(ablations, 'What', 'LoRA')), SEEN),
    row(
      'Training the text encoder too is worse (Table 8)',
      negated(labeled(ablations, 'What', 'DoRA and text encoder')),
      SEEN,
    ),
  ];
  return [
    '## Against the paper',
    'The paper measured Stable Diffusion 2.1 with BLIP-VQA and people; this is a small model of a small world with an exact score. Where the two differ, either may be the exception. “Not shown either way” means that the interval contains 0.',
    table(
      ['the paper', 'here, points of the share of claims', 'verdict'],
      rows.map(({ says, here, verdict }) => [says, here, verdict]),
    ),
  ].join('\n\n');
}

/** Before anything is tuned there are no adapters. */
type Unstarted = Pick<Alignment, 'base' | 'arms' | 'rounds' | 'ablations'>;

/** `seeds`: how many pairs of adapters it rests on. */
type Change = ConfidenceInterval & { readonly seeds?: number };

function row<T extends Change>(
  says: string,
  change: T | null,
  words: Readonly<Record<Finding, string>>,
  write: (change: T) => string = points,
): Row {
  if (change === null) return { says, here: '–', verdict: words.none };
  const finding = findingOf(change);
  return {
    says,
    here: write(change),
    verdict: finding === 'none' ? 'too few numbers to say' : `${words[finding]}${caveat(change)}`,
  };
}

function caveat({ seeds }: Change): string {
  if (seeds === undefined || seeds >= FEWEST_SEEDS) return '';
  return seeds === 1 ? ', with a single seed' : `, with ${seeds} seeds only`;
}

function negated(change: Change | null): Change | null {
  return change && { ...change, estimate: -change.estimate, low: -change.high, high: -change.low };
}

function ablation(list: readonly Ablation[], title: string): Ablation | undefined {
  return list.find((one) => one.title.startsWith(title));
}

function labeled(
  list: readonly Ablation[],
  title: string,
  label: string,
  reference = ablation(list, title)?.reference,
): Change | null {
  const rows = ablation(list, title)?.outcomes.filter((o) => o.replicates.length > 0);
  const one = rows?.find((o) => o.label === label);
  const other = rows?.find((o) => o.label === reference);
  return one && other ? difference(one, other, 'share') : null;
}

/** The most images per prompt against one. */
function mostKept(list: readonly Ablation[]): Change | null {
  const last = ablation(list, 'Kept')?.outcomes.at(-1)?.label;
  return last === undefined ? null : labeled(list, 'Kept', last, 'k = 1');
}

/** The most candidates against the paper's 50. */
function ladder(list: readonly Ablation[]): Change | null {
  const last = ablation(list, 'Candidates')?.outcomes.at(-1)?.label;
  return last === undefined || last === 'M = 50' ? null : labeled(list, 'Candidates', last, 'M = 50');
}
