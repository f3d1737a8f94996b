/** What came out, arm by arm, paired with guidance alone on the same prompts and seeds. */
import type { NoiseSchedule } from '../../../src/diffusion/schedule.ts';
import { type ConfidenceInterval, mean } from '../../../src/lib/stats.ts';
import { parsePrompt } from '../../../src/shapes/parse.ts';
import type { Category } from '../../../src/shapes/world.ts';
import { crossedBootstrap } from '../analysis/bootstrap.ts';
import { MISTAKE_KINDS, type MistakeKind, mistakeOf } from '../analysis/mistakes.ts';
import { type Candidate, drawIds, findDrawn } from '../draws.ts';
import { promptsOfAll } from '../prompts.ts';
import { selectionScore } from '../selection.ts';
import type { Store } from '../store.ts';
import { armsOf, type MethodArm, type MethodsDesign } from './design.ts';
import { testDraws } from './plan.ts';

/** What is averaged over images. `mi` is by the model that drew the image, adapted or not: what tuning by MI raises. */
type Measure = 'soft' | 'strict' | 'mi' | MistakeKind;
type Means = Readonly<Record<Measure, ConfidenceInterval>>;

export type ArmResult = {
  readonly arm: MethodArm;
  /** Seeds that it rests on. */
  readonly seeds: number;
  readonly images: number;
  readonly means: Means;
  /** Differences to guidance alone on the same prompts and seeds; null for guidance alone itself. */
  readonly change: Means | null;
  /** Soft score against MI-TUNE's single round of the same seeds; null for all that is not tuned, and that itself. */
  readonly againstTuned: ConfidenceInterval | null;
  readonly byCategory: ReadonlyMap<Category, number>;
  readonly secondsPerImage: number;
};

/** By seed the images of every prompt, as far as a seed is complete. */
type Images = ReadonlyMap<number, readonly (readonly Candidate[])[]>;
type Value = (image: Candidate, text: string) => number;

/** Arms of which a seed is complete, in the order of the table, all on the seeds that every one of them has. */
export function readResults(
  store: Store,
  design: MethodsDesign,
  schedule: NoiseSchedule,
): readonly ArmResult[] {
  const prompts = promptsOfAll('test', design.categories, design.test.prompts);
  const values = valuesOf(schedule);
  const arms = armsOf(design);
  const all = arms
    .map((arm) => ({ arm, images: imagesOf(store, design, schedule, arm) }))
    .filter(({ images }) => images.size > 0);
  const common = (seed: number): boolean => all.every(({ images }) => images.has(seed));
  const rows = all.map(({ arm, images }) => ({
    arm,
    images: new Map([...images].filter(([seed]) => common(seed))),
  }));
  const base = rows.find(({ arm }) => arm.kind === 'base')?.images;
  const single = rows.find(({ arm }) => isMiTune(arm) && arm.rounds === 1);

  /** [seed][prompt] of the images' means, or of their differences to another arm's. */
  const table = (found: Images, value: Value, against?: Images): readonly (readonly number[])[] =>
    [...found].map(([seed, row]) =>
      row.map((images, p) => {
        const of = (list: readonly Candidate[]): number =>
          mean(list.map((image) => value(image, prompts[p]?.text ?? '')));
        return against === undefined ? of(images) : of(images) - of(against.get(seed)?.[p] ?? []);
      }),
    );
  const meansOf = (found: Images, against?: Images): Means =>
    mapValues(values, (value) => crossedBootstrap(table(found, value, against)));

  return rows.map(({ arm, images: found }): ArmResult => {
    const seeds = [...found.keys()];
    const shown = [...found.values()].flatMap((row) =>
      row.flatMap((images, p) => images.map((image) => ({ image, category: prompts[p]?.category }))),
    );
    const ofCategory = (category: Category): number =>
      mean(shown.filter((one) => one.category === category).map(({ image }) => image.share));
    const rival = arm.kind === 'tuned' && arm !== single?.arm ? single : undefined;
    return {
      arm,
      seeds: seeds.length,
      images: shown.length,
      means: meansOf(found),
      change: arm.kind === 'base' || base === undefined ? null : meansOf(found, base),
      againstTuned: rival === undefined ? null : crossedBootstrap(table(found, values.soft, rival.images)),
      byCategory: new Map(design.categories.map((category) => [category, ofCategory(category)])),
      secondsPerImage: secondsOf(store, design, arm, seeds) / shown.length,
    };
  });
}

function valuesOf(schedule: NoiseSchedule): Readonly<Record<Measure, Value>> {
  const has = (kind: MistakeKind): Value => {
    return (image, text) => {
      const prompt = parsePrompt(text);
      return prompt !== null && mistakeOf(prompt, image) === kind ? 1 : 0;
    };
  };
  return {
    soft: ({ share }) => share,
    strict: ({ strict }) => (strict ? 1 : 0),
    mi: (image) => miOf(schedule, image),
    ...(Object.fromEntries(MISTAKE_KINDS.map((kind) => [kind, has(kind)])) as Record<MistakeKind, Value>),
  };
}

function miOf(schedule: NoiseSchedule, image: Candidate): number {
  return selectionScore(schedule, 'guided', { ...image, renoised: null });
}

function isMiTune(arm: MethodArm): arm is Extract<MethodArm, { kind: 'tuned' }> {
  return arm.kind === 'tuned' && arm.choice.name === 'mi-tune';
}

function imagesOf(store: Store, design: MethodsDesign, schedule: NoiseSchedule, arm: MethodArm): Images {
  const found = new Map<number, readonly (readonly Candidate[])[]>();
  for (let seed = 0; seed < design.seeds; seed++) {
    const prompts = testDraws(design, arm, seed).map((draw) => findDrawn(store, design, draw));
    if (prompts.some((images) => images === undefined)) continue;
    const complete = prompts as readonly (readonly Candidate[])[];
    found.set(
      seed,
      arm.kind === 'best' ? complete.map((images) => bestOf(images, design.bestOf, schedule)) : complete,
    );
  }
  return found;
}

/** Of every `count` images the one with the largest MI. */
function bestOf(images: readonly Candidate[], count: number, schedule: NoiseSchedule): readonly Candidate[] {
  return Array.from({ length: images.length / count }, (_, group) =>
    images
      .slice(group * count, (group + 1) * count)
      .reduce((best, image) => (miOf(schedule, image) > miOf(schedule, best) ? image : best)),
  );
}

function secondsOf(store: Store, design: MethodsDesign, arm: MethodArm, seeds: readonly number[]): number {
  const ids = seeds.flatMap((seed) => testDraws(design, arm, seed).flatMap((draw) => drawIds(design, draw)));
  return ids.reduce((sum, id) => sum + (store.secondsOf(id) ?? Number.NaN), 0);
}

function mapValues<K extends string, A, B>(
  record: Readonly<Record<K, A>>,
  change: (value: A) => B,
): Record<K, B> {
  const entries = Object.entries(record) as [K, A][];
  return Object.fromEntries(entries.map(([key, value]) => [key, change(value)])) as Record<K, B>;
}
