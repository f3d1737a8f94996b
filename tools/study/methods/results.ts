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

export type ArmResult = {
  readonly arm: MethodArm;
  /** Seeds of which all images are there. */
  readonly seeds: number;
  readonly images: number;
  readonly soft: ConfidenceInterval;
  readonly strict: ConfidenceInterval;
  /** Differences to guidance alone on the same prompts and seeds; null for guidance alone itself. */
  readonly change: { readonly soft: ConfidenceInterval; readonly strict: ConfidenceInterval } | null;
  readonly byCategory: ReadonlyMap<Category, number>;
  /** Share of images with each kind of mistake. */
  readonly mistakes: ReadonlyMap<MistakeKind, number>;
  readonly secondsPerImage: number;
};

/** [seed][prompt] of the images' means. */
type Table = readonly (readonly number[])[];

/** Arms of which at least one seed is complete, in the order of the table. */
export function readResults(
  store: Store,
  design: MethodsDesign,
  schedule: NoiseSchedule,
): readonly ArmResult[] {
  const base = imagesOf(store, design, schedule, { kind: 'base' });
  return armsOf(design).flatMap((arm) => {
    const found = imagesOf(store, design, schedule, arm);
    if (found.size === 0) return [];
    const seeds = [...found.keys()];
    const table = (from: typeof found, value: (image: Candidate) => number): Table =>
      seeds.map((seed) => (from.get(seed) ?? []).map((images) => mean(images.map(value))));
    const soft = table(found, ({ share }) => share);
    const strict = table(found, (image) => (image.strict ? 1 : 0));
    const paired = seeds.every((seed) => base.has(seed));
    const change =
      arm.kind === 'base' || !paired
        ? null
        : {
            soft: crossedBootstrap(
              minus(
                soft,
                table(base, ({ share }) => share),
              ),
            ),
            strict: crossedBootstrap(
              minus(
                strict,
                table(base, (image) => (image.strict ? 1 : 0)),
              ),
            ),
          };
    const prompts = promptsOfAll('test', design.categories, design.test.prompts);
    const all = seeds.flatMap((seed) =>
      (found.get(seed) ?? []).flatMap((images, p) =>
        images.map((image) => ({ image, ...(prompts[p] as (typeof prompts)[number]) })),
      ),
    );
    const shareOf = (kind: MistakeKind): number => {
      const wrong = all.filter(({ image, text }) => {
        const prompt = parsePrompt(text);
        return prompt !== null && mistakeOf(prompt, image) === kind;
      });
      return wrong.length / all.length;
    };
    const ofCategory = (category: Category): number =>
      mean(all.filter((one) => one.category === category).map(({ image }) => image.share));
    return [
      {
        arm,
        seeds: seeds.length,
        images: all.length,
        soft: crossedBootstrap(soft),
        strict: crossedBootstrap(strict),
        change,
        byCategory: new Map(design.categories.map((category) => [category, ofCategory(category)])),
        mistakes: new Map(MISTAKE_KINDS.map((kind) => [kind, shareOf(kind)])),
        secondsPerImage: secondsOf(store, design, arm, seeds) / all.length,
      },
    ];
  });
}

/** By seed the images of every prompt, as far as a seed is complete. */
function imagesOf(
  store: Store,
  design: MethodsDesign,
  schedule: NoiseSchedule,
  arm: MethodArm,
): ReadonlyMap<number, readonly (readonly Candidate[])[]> {
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
  const score = (image: Candidate): number =>
    selectionScore(schedule, 'guided', { ...image, renoised: null });
  return Array.from({ length: images.length / count }, (_, group) =>
    images
      .slice(group * count, (group + 1) * count)
      .reduce((best, image) => (score(image) > score(best) ? image : best)),
  );
}

function secondsOf(store: Store, design: MethodsDesign, arm: MethodArm, seeds: readonly number[]): number {
  const ids = seeds.flatMap((seed) => testDraws(design, arm, seed).flatMap((draw) => drawIds(design, draw)));
  return ids.reduce((sum, id) => sum + (store.secondsOf(id) ?? Number.NaN), 0);
}

function minus(a: Table, b: Table): Table {
  return a.map((row, s) => row.map((value, p) => value - (b[s]?.[p] ?? Number.NaN)));
}
