/** Part 1's steps: pools on test prompts, other guidance scales, and the pool's images noised again. */
import type { Category } from '../../src/shapes/world.ts';
import { type Design, GUIDANCE } from './design.ts';
import { type Draw, drawSteps } from './draws.ts';
import { measureSteps } from './measures.ts';
import type { BaseModel } from './models.ts';
import { promptsOfAll } from './prompts.ts';
import { metricSteps } from './secondScore.ts';
import type { Step } from './steps.ts';

/** `unseen` prompts are reported apart: their combinations are not in the model's training data. */
export type RankedPrompt = { readonly category: Category | 'unseen'; readonly draw: Draw };

/** The pools that the first table rests on. */
export function rankedPrompts(design: Design): readonly RankedPrompt[] {
  const { prompts, unseen, candidates } = design.rank;
  const draw = (text: string): Draw => ({ text, first: 0, count: candidates, use: 'pool', adapter: null });
  return [
    ...promptsOfAll('test', design.categories, prompts).map(({ category, text }) => ({
      category,
      draw: draw(text),
    })),
    ...promptsOfAll('unseen', design.categories, unseen).map(({ text }) => ({
      category: 'unseen' as const,
      draw: draw(text),
    })),
  ];
}

/** Pools of the same prompts under one guidance scale; the demo's is a part of the main pools. */
export function guidedPrompts(design: Design, guidance: number): readonly RankedPrompt[] {
  const { prompts, candidates } = design.guidances;
  return promptsOfAll('test', design.categories, prompts).map(({ category, text }) => ({
    category,
    draw: { text, first: 0, count: candidates, use: 'pool', adapter: null, guidance },
  }));
}

/** All scales of the comparison, ascending. */
export function comparedGuidances(design: Design): readonly number[] {
  return [...design.guidances.scales, GUIDANCE].sort((a, b) => a - b);
}

/** Main pools whose images are noised again. */
function renoisedPrompts(design: Design): readonly RankedPrompt[] {
  const { candidates } = design.rank;
  return promptsOfAll('test', design.categories, design.renoise.prompts).map(({ category, text }) => ({
    category,
    draw: { text, first: 0, count: candidates, use: 'pool', adapter: null },
  }));
}

/** The first candidates of main pools, drawn by another base model; by the study's own where none is named. */
export function basePrompts(design: Design, base?: string): readonly RankedPrompt[] {
  const { prompts, candidates } = design.bases;
  return promptsOfAll('test', design.categories, prompts).map(({ category, text }) => ({
    category,
    draw: { text, first: 0, count: candidates, use: 'pool', adapter: null, base },
  }));
}

/** Main pools that go on to as many candidates as the paper has. */
export function deepPrompts(design: Design): readonly RankedPrompt[] {
  const { prompts, candidates } = design.deep;
  return promptsOfAll('test', design.categories, prompts).map(({ category, text }) => ({
    category,
    draw: { text, first: 0, count: candidates, use: 'pool', adapter: null },
  }));
}

export function rankingSteps(design: Design): Step[] {
  return rankedPrompts(design).flatMap(({ draw }) =>
    drawSteps(design, draw, { part: '1', item: 'pools on test prompts' }),
  );
}

export function renoiseSteps(design: Design): Step[] {
  const label = { part: '1', item: 'pools noised again' } as const;
  return renoisedPrompts(design).flatMap(({ draw }) => measureSteps(design, draw, design.renoise, label));
}

/**
 * One prompt of every category under all base models before the next, so that they can be compared at any time. The
 * study's own is a part of it, in case its main pools are smaller.
 */
export function baseSteps(design: Design, bases: readonly BaseModel[]): Step[] {
  const label = { part: '1', item: 'other base models' } as const;
  const models = [undefined, ...bases.map(({ digest }) => digest)].map((base) => basePrompts(design, base));
  return Array.from({ length: design.bases.prompts }, (_, turn) =>
    models.flatMap((prompts) =>
      prompts
        .filter((_, i) => i % design.bases.prompts === turn)
        .flatMap(({ draw }) => drawSteps(design, draw, label)),
    ),
  ).flat();
}

export function deepSteps(design: Design): Step[] {
  const label = { part: '1', item: 'pools as deep as the paper’s' } as const;
  return deepPrompts(design).flatMap(({ draw }) => [
    ...drawSteps(design, draw, label),
    ...metricSteps(design, draw, label),
  ]);
}

export function guidanceSteps(design: Design): Step[] {
  return comparedGuidances(design).flatMap((guidance) =>
    guidedPrompts(design, guidance).flatMap(({ draw }) =>
      drawSteps(design, draw, { part: '1', item: 'other guidance scales' }),
    ),
  );
}
