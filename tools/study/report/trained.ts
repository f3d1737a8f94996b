/** How far a choice gets: into the set, into new images of the prompts trained on, and into those of test prompts. */
import { difference, level, type Outcome } from '../analysis/align.ts';
import { type Finding, findingOf } from '../analysis/bootstrap.ts';
import { percent, points, table } from './markdown.ts';
import { type Alignment, armOf } from './readAlignment.ts';

const ARMS = ['mi', 'random', 'exact'] as const;

export function trainedText({ arms, trained }: Alignment): string {
  const [own, test] = [trained.arms, arms].map((list) => {
    const [exact, random] = [armOf(list, 'exact'), armOf(list, 'random')];
    return exact && random ? findingOf(difference(exact, random, 'share')) : 'none';
  }) as [Finding, Finding];
  if (own === 'none' || test === 'none') return '';
  if (own === 'positive' && test === 'positive') {
    return 'What the exact score chooses shows in new images of the training prompts and of others: training passes it on.';
  }
  if (own === 'positive') {
    return 'What the exact score chooses shows in new images of the prompts trained on, and not on test prompts: training learns it by heart, and does not generalize from so few prompts.';
  }
  return 'What the exact score chooses does not even show in new images of the very prompts trained on. So this much training does not take in which images are right: the loss of an image hardly depends on it, and more prompts of the same kind would not help.';
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
  const plain = (value: number): string => points({ estimate: value, low: Number.NaN, high: Number.NaN });
  const images = [
    ['images of the set', '–', ...inSets.map(percent), '–', plain(mi - random), plain(exact - random), '–'],
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
