/** What the paper says, held against these numbers: the verdicts follow from intervals by rule. */
import { difference, type Outcome } from '../analysis/align.ts';
import { type Finding, findingOf, type Summary } from '../analysis/bootstrap.ts';
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

/** @param tau of MI against the exact score over all prompts; null before part 1 */
export function paperSection(
  tau: Summary | null,
  { base, arms, rounds, ablations }: Alignment | Unstarted,
): string {
  const mi = armOf(arms, 'mi');
  const random = armOf(arms, 'random');
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
    row(
      '(Not in the paper:) it is the choice by MI that does it, not training on samples',
      change(mi, random),
      SEEN,
    ),
    row(
      '(Not in the paper:) choosing by the score that validation chose does it',
      change(armOf(arms, 'chosen'), random),
      SEEN,
    ),
    row(
      '(Not in the paper:) choosing by the exact score, the ceiling, does it',
      change(armOf(arms, 'exact'), random),
      SEEN,
    ),
    row(
      'A second round aligns further (Table 1)',
      change(armOf(rounds, 'mi', 'R = 2'), armOf(rounds, 'mi', 'R = 1')),
      SEEN,
    ),
    row(
      'A third round does not align further (Table 1)',
      change(armOf(rounds, 'mi', 'R = 3'), armOf(rounds, 'mi', 'R = 2')),
      SAME,
    ),
    row('More candidates than the default do not help (Table 6)', ladder(ablations), SAME),
    row('More images than one per prompt are worse (Table 6)', negated(largest(ablations, 'Kept')), SEEN),
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
export type Unstarted = Pick<Alignment, 'base' | 'arms' | 'rounds' | 'ablations'>;

type Change = { readonly estimate: number; readonly low: number; readonly high: number };

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
    verdict: finding === 'none' ? 'too few numbers to say' : words[finding],
  };
}

function negated(change: Change | null): Change | null {
  return change && { estimate: -change.estimate, low: -change.high, high: -change.low };
}

function ablation(list: readonly Ablation[], title: string): Ablation | undefined {
  return list.find((one) => one.title.startsWith(title));
}

function labeled(list: readonly Ablation[], title: string, label: string): Change | null {
  const found = ablation(list, title);
  const one = found?.outcomes.find((o) => o.label === label && o.replicates.length > 0);
  const other = found?.outcomes.find((o) => o.label === found.reference && o.replicates.length > 0);
  return one && other ? difference(one, other, 'share') : null;
}

/** The largest value of an ablation against its reference. */
function largest(list: readonly Ablation[], title: string): Change | null {
  const last = ablation(list, title)?.outcomes.at(-1)?.label;
  return last === undefined ? null : labeled(list, title, last);
}

function ladder(list: readonly Ablation[]): Change | null {
  return largest(list, 'Candidates');
}
