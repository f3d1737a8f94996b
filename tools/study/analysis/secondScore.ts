/** What the second score says of the arms' images, paired by seed and prompt as the exact score is. */
import { type ConfidenceInterval, mean } from '../../../src/lib/stats.ts';
import type { Design, Settings } from '../design.ts';
import type { AdapterRef } from '../draws.ts';
import { findEvaluationMetric, testEvaluation } from '../evaluation.ts';
import { adapterOf, armExperiments } from '../experiments.ts';
import type { Arm } from '../sets.ts';
import type { Store } from '../store.ts';
import { crossedBootstrap } from './bootstrap.ts';

/** Means of the images of each test prompt, in their order. */
type PromptMeans = readonly { readonly category: string; readonly value: number }[];

/** By replicate; the base model has the one `null`. */
export type Rescored = ReadonlyMap<number | null, PromptMeans>;

/** Without the replicates whose images are not all scored. */
export function rescored(store: Store, design: Design, settings: Settings, arm: Arm | 'base'): Rescored {
  const found = new Map<number | null, PromptMeans>();
  const add = (replicate: number | null, adapter: AdapterRef | null): void => {
    const prompts = findEvaluationMetric(store, design, testEvaluation(design), adapter);
    if (prompts === undefined) return;
    found.set(
      replicate,
      prompts.map(({ category, values }) => ({ category, value: mean(values) })),
    );
  };
  if (arm === 'base') add(null, null);
  for (const experiment of armExperiments(design, settings))
    if (experiment.arm === arm) add(experiment.replicate, adapterOf(design, experiment));
  return found;
}

/** Mean over replicates and prompts, of all prompts or of one category. */
export function meanRescored(scores: Rescored, category?: string): number {
  return mean([...scores.values()].flatMap((means) => valuesOf(means, category)));
}

/** `a` minus `b`, prompt by prompt under every replicate that both have; the base model goes with all. */
export function changeRescored(a: Rescored, b: Rescored, category?: string): ConfidenceInterval {
  const table = [...a].flatMap(([replicate, means]) => {
    const other = b.get(null) ?? b.get(replicate);
    if (other === undefined) return [];
    const before = valuesOf(other, category);
    return [valuesOf(means, category).map((value, i) => value - (before[i] ?? Number.NaN))];
  });
  return crossedBootstrap(table);
}

function valuesOf(means: PromptMeans, category: string | undefined): number[] {
  return means.filter((p) => category === undefined || p.category === category).map(({ value }) => value);
}
