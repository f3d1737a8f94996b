/** Images by which adapters are judged: the same prompts and seeds for every adapter and for the base model. */
import type { Category } from '../../src/shapes/world.ts';
import type { Design } from './design.ts';
import { type AdapterRef, type Candidate, type Draw, drawSteps, findDrawn } from './draws.ts';
import { promptsOfAll } from './prompts.ts';
import { findMetric, metricSteps } from './secondScore.ts';
import type { Step, StudyPart } from './steps.ts';
import type { Store } from './store.ts';

export type Evaluation = {
  readonly purpose: 'train' | 'val' | 'test';
  readonly categories: readonly Category[];
  /** Prompts per category and images per prompt. */
  readonly prompts: number;
  readonly images: number;
};

/** What arms and adapters of single categories are judged by. */
export function testEvaluation({ categories, test }: Design): Evaluation {
  return { purpose: 'test', categories, prompts: test.prompts, images: test.images };
}

/** What rounds and ablations are judged by: the first of those prompts. */
export function ablationEvaluation(design: Design): Evaluation {
  return { ...testEvaluation(design), prompts: design.test.ablationPrompts };
}

/** Prompts that the arms were trained on: new images of them show what was learned before it has to generalize. */
export function trainingEvaluation(design: Design): Evaluation {
  return { ...testEvaluation(design), purpose: 'train', prompts: design.test.trainingPrompts };
}

export function validation({ categories, tune }: Design): Evaluation {
  return { purpose: 'val', categories, prompts: tune.prompts, images: tune.images };
}

/** The same images under the second score. */
export function evaluationMetricSteps(
  design: Design,
  evaluation: Evaluation,
  adapter: AdapterRef | null,
  label: { readonly part: StudyPart; readonly item: string },
): Step[] {
  return drawsOf(evaluation, adapter).flatMap(({ draw }) => metricSteps(design, draw, label));
}

export function evaluationSteps(
  design: Design,
  evaluation: Evaluation,
  adapter: AdapterRef | null,
  label: { readonly part: StudyPart; readonly item: string },
): Step[] {
  return drawsOf(evaluation, adapter).flatMap(({ draw }) => drawSteps(design, draw, label));
}

/** The images of one prompt. */
export type PromptImages = {
  readonly category: Category;
  readonly text: string;
  readonly images: readonly Candidate[];
};

/** A number per image of one prompt. */
export type PromptValues = Omit<PromptImages, 'images'> & { readonly values: readonly number[] };

/** All prompts' images, or undefined while some of them are not there. */
export function findEvaluation(
  store: Store,
  design: Design,
  evaluation: Evaluation,
  adapter: AdapterRef | null,
): readonly PromptImages[] | undefined {
  const found: PromptImages[] = [];
  for (const { category, draw } of drawsOf(evaluation, adapter)) {
    const images = findDrawn(store, design, draw);
    if (images === undefined) return undefined;
    found.push({ category, text: draw.text, images });
  }
  return found;
}

/** What the second score says of all prompts' images, or undefined while some of it is not there. */
export function findEvaluationMetric(
  store: Store,
  design: Design,
  evaluation: Evaluation,
  adapter: AdapterRef | null,
): readonly PromptValues[] | undefined {
  const found: PromptValues[] = [];
  for (const { category, draw } of drawsOf(evaluation, adapter)) {
    const values = findMetric(store, design, draw);
    if (values === undefined) return undefined;
    found.push({ category, text: draw.text, values });
  }
  return found;
}

function drawsOf(
  { purpose, categories, prompts, images }: Evaluation,
  adapter: AdapterRef | null,
): { readonly category: Category; readonly draw: Draw }[] {
  return promptsOfAll(purpose, categories, prompts).map(({ category, text }) => ({
    category,
    draw: { text, first: 0, count: images, use: 'evaluation', adapter },
  }));
}
