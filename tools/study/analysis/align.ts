/** Parts 2 and 3: what adapters do to the images of test prompts. */
import { type ConfidenceInterval, mean } from '../../../src/lib/stats.ts';
import { floatsFromBase64 } from '../base64.ts';
import type { Design } from '../design.ts';
import type { Candidate } from '../draws.ts';
import { type Evaluation, findEvaluation, type PromptImages } from '../evaluation.ts';
import { adapterOf, type Experiment } from '../experiments.ts';
import { groupBy } from '../group.ts';
import type { Arm } from '../sets.ts';
import type { Store } from '../store.ts';
import { crossedBootstrap } from './bootstrap.ts';

/**
 * What is said about the images of one prompt: shares of claims that hold, of images of which all hold, of distinct
 * layouts (0 to 1), and how far apart the images are.
 */
type Measure = 'share' | 'strict' | 'distinct' | 'spread';

/** Per seed (replicate) and prompt. */
export type Outcome = {
  readonly label: string;
  readonly arm: Arm | 'base';
  readonly replicates: readonly { readonly replicate: number; readonly prompts: readonly PromptOutcome[] }[];
  /** Replicates that the design asks for. */
  readonly wanted: number;
};
type PromptOutcome = Readonly<Record<Measure, number>> & {
  readonly category: string;
  readonly text: string;
};

export function baseOutcome(store: Store, design: Design, evaluation: Evaluation): Outcome | null {
  const found = findEvaluation(store, design, evaluation, null);
  if (found === undefined) return null;
  const replicates = [{ replicate: 0, prompts: found.map(outcomeOf) }];
  return { label: 'base', arm: 'base', replicates, wanted: 1 };
}

/** One outcome per label and arm, with the replicates whose images are all there. */
export function outcomes(
  store: Store,
  design: Design,
  experiments: readonly Experiment[],
): readonly Outcome[] {
  return [...groupBy(experiments, ({ label, arm }) => `${label}\n${arm}`).values()].map((group) => {
    const { label, arm } = group[0] as Experiment;
    const replicates = group.flatMap((experiment) => {
      const adapter = adapterOf(design, experiment);
      const found = findEvaluation(store, design, experiment.evaluation, adapter);
      return found === undefined ? [] : [{ replicate: experiment.replicate, prompts: found.map(outcomeOf) }];
    });
    return { label, arm, replicates, wanted: group.length };
  });
}

function outcomeOf({ category, text, images }: PromptImages): PromptOutcome {
  return {
    category,
    text,
    share: mean(images.map((image) => image.share)),
    strict: mean(images.map((image) => (image.strict ? 1 : 0))),
    distinct: new Set(images.map(layoutOf)).size / images.length,
    spread: spreadOf(images.map(({ latent }) => floatsFromBase64(latent))),
  };
}

/** Root mean square difference per latent element, over all pairs of images; NaN for a single one. */
export function spreadOf(latents: readonly Float32Array[]): number {
  const squares = latents.flatMap((a, i) =>
    latents
      .slice(i + 1)
      .map((b) => a.reduce((sum, x, j) => sum + (x - (b[j] ?? Number.NaN)) ** 2, 0) / a.length),
  );
  return squares.length === 0 ? Number.NaN : Math.sqrt(mean(squares));
}

/** Cells per side of the grid on which two places count as the same. */
const GRID = 3;
const SIZE = 64;

/** What is where, coarsely: two images of one layout show the same things in the same ninths of the picture. */
export function layoutOf({ objects }: Pick<Candidate, 'objects'>): string {
  const cell = (value: number): number => Math.min(GRID - 1, Math.max(0, Math.floor((value / SIZE) * GRID)));
  return objects
    .map((o) => [o.shape, o.color, o.texture, o.size, cell(o.x), cell(o.y)].join(' '))
    .sort()
    .join('; ');
}

/** Mean over seeds and prompts, of all prompts or of one category. */
export function level(outcome: Outcome, measure: Measure, category?: string): ConfidenceInterval {
  return crossedBootstrap(tableOf(outcome, measure, category));
}

/**
 * Difference of two outcomes, paired by seed and prompt: images share their noise, sets their pool. The base model
 * has no seed, so it is paired with every seed of the other.
 */
export function difference(
  a: Outcome,
  b: Outcome,
  measure: Measure,
  category?: string,
): ConfidenceInterval & { readonly seeds: number } {
  const pairs = a.replicates.flatMap((one) => {
    const other =
      b.arm === 'base' ? b.replicates[0] : b.replicates.find((r) => r.replicate === one.replicate);
    return other === undefined ? [] : [[one, other] as const];
  });
  const table = pairs.map(([one, other]) => {
    const before = new Map(ofCategory(other.prompts, category).map((p) => [p.text, p[measure]]));
    return ofCategory(one.prompts, category).map((p) => p[measure] - (before.get(p.text) ?? Number.NaN));
  });
  return { ...crossedBootstrap(table), seeds: pairs.length };
}

function tableOf(outcome: Outcome, measure: Measure, category?: string): number[][] {
  return outcome.replicates.map(({ prompts }) => ofCategory(prompts, category).map((p) => p[measure]));
}

function ofCategory(prompts: readonly PromptOutcome[], category?: string): readonly PromptOutcome[] {
  return category === undefined ? prompts : prompts.filter((p) => p.category === category);
}

/** Number of test prompts that an outcome rests on. */
export function promptCount(outcome: Outcome): number {
  return outcome.replicates[0]?.prompts.length ?? 0;
}
