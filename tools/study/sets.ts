/** Fine-tuning sets: which images of which pool an arm is trained on (the paper's Algorithm 1, and its controls). */
import type { NoiseSchedule } from '../../src/diffusion/schedule.ts';
import { mean } from '../../src/lib/stats.ts';
import { scoreRenoised } from '../../src/mi/renoisedScore.ts';
import { type SelectionRule, selectCandidates } from '../../src/mi/select.ts';
import { mixRealImages } from '../../src/procedures/trainingSet.ts';
import type { Category } from '../../src/shapes/world.ts';
import { type Design, REFERENCE_SCORE, type SelectionScore } from './design.ts';
import { type AdapterRef, type Draw, drawIds, findDrawn } from './draws.ts';
import { findMeasured, type MeasuredCandidate, measureIds, measureSteps } from './measures.ts';
import { promptsOfAll } from './prompts.ts';
import type { CaptionedImage } from './protocol.ts';
import { realIds, realImages } from './real.ts';
import { needsNoisingAgain, selectionScore } from './selection.ts';
import type { Step, StudyPart } from './steps.ts';
import type { Store } from './store.ts';

/**
 * `mi`: top k by MI, the paper's. `chosen`: top k by the score that ranks best on validation prompts. `random`: k at
 * random. `bottom`: lowest MI. `exact`: top k by the exact score, the ceiling and the only arm in which that score
 * chooses images.
 */
export const ARMS = ['mi', 'chosen', 'random', 'bottom', 'exact'] as const;
export type Arm = (typeof ARMS)[number];

export type SetSpec = {
  readonly categories: readonly Category[];
  /** Prompts per category. */
  readonly prompts: number;
  readonly candidates: number;
  readonly keep: number;
  readonly arm: Arm;
  readonly replicate: number;
  /** First candidate: replicates look at different ones. */
  readonly first: number;
  /** The adapter that drew the pool; null for the base model (round 1). */
  readonly drawnBy: AdapterRef | null;
  readonly round: number;
  /** Share of the set that real images replace. */
  readonly realShare: number;
  /** What chooses in the arm `chosen`. */
  readonly score: SelectionScore;
};

/** All that decides the set, in words. */
export function setName(set: SetSpec): string {
  const scope = set.categories.length === 1 ? set.categories[0] : 'mixed';
  const arm = set.arm === 'chosen' ? set.score : set.arm;
  const parts = [`${scope}${set.prompts}`, `M${set.candidates}@${set.first}`, `k${set.keep}`, arm];
  if (set.realShare > 0) parts.push(`real${set.realShare}`);
  if (set.round > 1) parts.push(`R${set.round}`);
  return [...parts, `r${set.replicate}`].join('/');
}

/** Steps that must be done before the set can be made. */
export function setNeeds(design: Design, set: SetSpec): string[] {
  const pool = poolDraws(set).flatMap((draw) => [
    ...drawIds(design, draw),
    ...(isNoisedAgain(set) ? measureIds(design, draw, design.selection) : []),
  ]);
  return set.realShare > 0 ? [...pool, ...realIds(design, set)] : pool;
}

export function poolDraws(set: SetSpec): readonly Draw[] {
  return promptsOfAll('train', set.categories, set.prompts).map(({ text }) => ({
    text,
    first: set.first,
    count: set.candidates,
    use: 'pool',
    adapter: set.drawnBy,
  }));
}

/** Steps that measure the pool, where the arm's score needs it. */
export function poolMeasures(
  design: Design,
  set: SetSpec,
  label: { readonly part: StudyPart; readonly item: string },
): Step[] {
  if (!isNoisedAgain(set)) return [];
  return poolDraws(set).flatMap((draw) => measureSteps(design, draw, design.selection, label));
}

/** Whether the arm's score needs a pool that was noised again. */
export function isNoisedAgain({ arm, score }: SetSpec): boolean {
  return arm === 'chosen' && needsNoisingAgain(score);
}

/** The candidates of one prompt, measured where the arm's score needs it. */
function candidatesOf(store: Store, design: Design, set: SetSpec, draw: Draw): readonly MeasuredCandidate[] {
  if (isNoisedAgain(set)) return findMeasured(store, design, draw, design.selection) ?? [];
  return (findDrawn(store, design, draw) ?? []).map((image) => ({ ...image, renoised: null }));
}

type SetImage = CaptionedImage & { readonly share: number };

/** The drawn images that the arm chooses, from what is stored. */
function chooseImages(
  store: Store,
  schedule: NoiseSchedule,
  design: Design,
  set: SetSpec,
): readonly SetImage[] {
  const pool = poolDraws(set).flatMap((draw, promptIndex) =>
    candidatesOf(store, design, set, draw).map((image, candidate) => {
      const { latent, share } = image;
      return { promptIndex, candidate, score: scoreOf(image), share, text: draw.text, latent };
    }),
  );
  function scoreOf(image: MeasuredCandidate): number {
    if (set.arm === 'exact') return image.share;
    return selectionScore(schedule, set.arm === 'chosen' ? set.score : 'guided', image);
  }
  return selectCandidates(pool, { keep: set.keep, rule: ruleOf(set) }).selected;
}

/** Share of claims that hold in the drawn images of the set. */
export function setShare(store: Store, schedule: NoiseSchedule, design: Design, set: SetSpec): number {
  return mean(chooseImages(store, schedule, design, set).map(({ share }) => share));
}

/** The images of the set with their prompts, from what is stored. */
export function buildSet(
  store: Store,
  schedule: NoiseSchedule,
  design: Design,
  set: SetSpec,
): readonly CaptionedImage[] {
  const selected = chooseImages(store, schedule, design, set);
  if (set.realShare === 0) return selected.map(({ text, latent }) => ({ text, latent }));
  const ranked = realImages(store, design, set)
    .map(({ image, measured, plan }) => {
      const terms = plan.map(({ t, draw }, i) => ({
        t,
        draw,
        squaredDifference: measured.difference[i] as number,
        uncondError: measured.uncond[i] as number,
        condError: measured.cond[i] as number,
      }));
      return { image, score: scoreRenoised(schedule, terms, REFERENCE_SCORE).orthogonal.value };
    })
    .toSorted((a, b) => b.score - a.score)
    .map(({ image }) => image);
  const drawn = selected.map(({ text, latent }) => ({ text, latent }));
  return mixRealImages(drawn, ranked, { share: set.realShare, seed: set.replicate });
}

function ruleOf({ arm, replicate }: SetSpec): SelectionRule {
  switch (arm) {
    case 'mi':
    case 'chosen':
    case 'exact':
      return { order: 'top' };
    case 'bottom':
      return { order: 'bottom' };
    case 'random':
      return { order: 'random', seed: replicate };
    default:
      return arm satisfies never;
  }
}
