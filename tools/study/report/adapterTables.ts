/** Tables of part 2 beside the arms: larger sets, an adapter per category, rounds. */
import { difference, level, type Outcome } from '../analysis/align.ts';
import type { Design } from '../design.ts';
import { percent, points, table } from './markdown.ts';
import { armOf, seedsOf } from './readAlignment.ts';

export function doseText({ pool, dose, categories, batch }: Design): string {
  const candidates = pool.candidates * pool.replicates;
  const images = dose.keep * pool.prompts * categories.length;
  return `Sets of ${images} images, k = ${dose.keep} of M = ${candidates}, from the same prompts; steps of ${batch} images. Where the exact score does no better than chance, these numbers cannot show whether better choices help; where it does, what MI is worth shows beside it. All seeds choose from one pool.`;
}

export function doseRows(base: Outcome, list: readonly Outcome[]): string {
  return table(
    [
      'steps',
      'seeds',
      'MI, claims',
      'random',
      'exact',
      'random − base, points',
      'MI − random, points',
      'exact − random, points',
      'strict: MI − random, points',
      'strict: exact − random, points',
    ],
    [...new Set(list.map((o) => o.label))].flatMap((label) => {
      const [mi, random, exact] = (['mi', 'random', 'exact'] as const).map((arm) => armOf(list, arm, label));
      if (mi === undefined || random === undefined || exact === undefined) return [];
      return [
        [
          label,
          seedsOf(mi),
          ...[mi, random, exact].map((o) => percent(level(o, 'share').estimate)),
          points(difference(random, base, 'share')),
          points(difference(mi, random, 'share')),
          points(difference(exact, random, 'share')),
          points(difference(mi, random, 'strict')),
          points(difference(exact, random, 'strict')),
        ],
      ];
    }),
  );
}

export function ownAdapterRows(
  base: Outcome,
  list: readonly Outcome[],
  categories: readonly string[],
): string {
  return table(
    [
      'category',
      'seeds',
      'base, claims',
      'MI',
      'random',
      'MI − base, points',
      'MI − random, points',
      'strict: MI − random, points',
    ],
    categories.flatMap((category) => {
      const mi = armOf(list, 'mi', category);
      const random = armOf(list, 'random', category);
      if (mi === undefined || random === undefined) return [];
      return [
        [
          category,
          seedsOf(mi),
          ...[base, mi, random].map((o) => percent(level(o, 'share', category).estimate)),
          points(difference(mi, base, 'share', category)),
          points(difference(mi, random, 'share')),
          points(difference(mi, random, 'strict')),
        ],
      ];
    }),
  );
}

export function roundRows(base: Outcome, rounds: readonly Outcome[]): string {
  return table(
    [
      'rounds',
      'seeds',
      'MI, claims',
      'random',
      'MI − base, points',
      'MI − random, points',
      'strict: MI − random, points',
      'distinct layouts: MI',
      'random',
    ],
    [...new Set(rounds.map((o) => o.label))].flatMap((label) => {
      const mi = armOf(rounds, 'mi', label);
      const random = armOf(rounds, 'random', label);
      if (mi === undefined || random === undefined) return [];
      return [
        [
          label,
          seedsOf(mi),
          percent(level(mi, 'share').estimate),
          percent(level(random, 'share').estimate),
          points(difference(mi, base, 'share')),
          points(difference(mi, random, 'share')),
          points(difference(mi, random, 'strict')),
          percent(level(mi, 'distinct').estimate),
          percent(level(random, 'distinct').estimate),
        ],
      ];
    }),
  );
}
