/** How far a choice gets: into the set, into new images of the prompts trained on, and into those of test prompts. */
import type { ConfidenceInterval } from '../../../src/lib/stats.ts';
import { difference, level, type Outcome } from '../analysis/align.ts';
import { type Finding, findingOf } from '../analysis/bootstrap.ts';
import { percent, points, table } from './markdown.ts';
import { type Alignment, armOf } from './readAlignment.ts';

const ARMS = ['mi', 'random', 'exact'] as const;

export function trainedText({ arms, trained }: Alignment): string {
  const [own, test] = [trained.arms, arms].map((list) => {
    const [exact, random] = [armOf(list, 'exact'), armOf(list, 'random')];
    return exact && random ? difference(exact, random, 'share') : null;
  });
  if (!own || !test) return '';
  const offered = trained.setShares.exact - trained.setShares.random;
  const arrived = `Of the ${points(plain(offered))} points by which sets chosen by the exact score are better than random ones, ${points(own)} arrive in new images of the prompts trained on, and ${points(test)} in those of test prompts.`;
  return `${arrived} ${VERDICT[findingOf(own)][findingOf(test)]}`.trim();
}

/** By what arrives on training prompts, then by what arrives on test prompts. */
const VERDICT: Readonly<Record<Finding, Readonly<Record<Finding, string>>>> = {
  positive: {
    positive: 'So training passes on what a choice offers, as far as these numbers go.',
    open: 'So training takes in which images are right, to that extent, and does not generalize it from so few prompts.',
    negative: 'So training takes in which images are right, and unlearns others for it.',
    none: '',
  },
  open: {
    positive: 'That is too uneven to say what training takes in.',
    open: 'So this much training does not take in which images are right, not even where it saw them.',
    negative: 'So this much training does not take in which images are right.',
    none: '',
  },
  negative: { positive: '', open: '', negative: 'So better images make worse adapters here.', none: '' },
  none: { positive: '', open: '', negative: '', none: '' },
};

/** An estimate without an interval. */
function plain(estimate: number): ConfidenceInterval {
  return { estimate, low: Number.NaN, high: Number.NaN };
}

export function trainedRows({ base, arms, trained }: Alignment): string {
  const row = (name: string, baseline: Outcome | null, list: readonly Outcome[]): string[][] => {
    const [mi, random, exact] = ARMS.map((arm) => armOf(list, arm));
    if (baseline === null || mi === undefined || random === undefined || exact === undefined) return [];
    return [
      [
        name,
        ...[baseline, mi, random, exact].map((o) => percent(level(o, 'share').estimate)),
        points(difference(random, baseline, 'share')),
        points(difference(mi, random, 'share')),
        points(difference(exact, random, 'share')),
        points(difference(exact, random, 'strict')),
      ],
    ];
  };
  const inSets = ARMS.map((arm) => trained.setShares[arm]);
  const [mi, random, exact] = inSets as [number, number, number];
  const images = [
    [
      'images of the set',
      '–',
      ...inSets.map(percent),
      '–',
      points(plain(mi - random)),
      points(plain(exact - random)),
      '–',
    ],
  ];
  return table(
    [
      'claims that hold in',
      'base',
      'MI',
      'random',
      'exact',
      'random − base, points',
      'MI − random, points',
      'exact − random, points',
      'strict: exact − random, points',
    ],
    [
      ...(inSets.some(Number.isNaN) ? [] : images),
      ...row('new images, training prompts', trained.base, trained.arms),
      ...row('new images, test prompts', base, arms),
    ],
  );
}
