import { describe, expect, test, vi } from 'vitest';
import { parsePrompt } from '../../../src/shapes/parse.ts';
import { meaningKey, splitOf } from '../../../src/shapes/splits.ts';
import type { ShapesPrompt } from '../../../src/shapes/world.ts';
import { budget, designFor } from '../../../tools/study/budget.ts';
import { DESIGNS, type Design, findDesign, UNTUNED } from '../../../tools/study/design.ts';
import { allSteps, firstSteps, forecastSteps, stepsOfParts } from '../../../tools/study/plan.ts';
import { promptsOfAll } from '../../../tools/study/prompts.ts';
import { modelSchedule } from '../../../tools/study/schedule.ts';
import { addCosts, type StudyPart, secondsOf } from '../../../tools/study/steps.ts';

// Plans of the largest design have tens of thousands of steps before they are made distinct.
vi.setConfig({ testTimeout: 60_000 });

const schedule = modelSchedule();
const quick = findDesign('quick') as Design;
const afternoon = findDesign('afternoon') as Design;
const full = findDesign('full') as Design;

describe('the plan', () => {
  test.each(DESIGNS.map((design) => [design.name, design] as const))(
    'of design %s names every step once and needs only steps that it has, earlier ones first',
    (_, design) => {
      const seen = new Set<string>();
      const wrong: string[] = [];
      for (const { id, needs } of allSteps(design, schedule, UNTUNED)) {
        if (seen.has(id)) wrong.push(`${id} twice`);
        wrong.push(...needs.filter((need) => !seen.has(need)));
        seen.add(id);
      }
      expect(wrong).toEqual([]);
    },
  );

  test('begins with ranking and tuning, which depend on no settings', () => {
    const first = firstSteps(afternoon, schedule).map(({ id }) => id);
    const settings = { ...UNTUNED, learningRate: 7e-5, iterations: 55, keep: 2 };
    expect(
      allSteps(afternoon, schedule, settings)
        .slice(0, first.length)
        .map(({ id }) => id),
    ).toEqual(first);
  });

  test('of a larger design holds the ranking pools of a smaller one', () => {
    const pools = (design: Design): string[] =>
      forecastSteps(design, schedule)
        .filter((step) => step.item === 'pools on test prompts')
        .map(({ id }) => id);
    const larger = new Set(pools(full));
    expect(pools(afternoon).filter((id) => !larger.has(id))).toEqual([]);
  });

  test('of one part brings along what it needs, and tuning', () => {
    const steps = allSteps(quick, schedule, UNTUNED);
    const parts = (asked: readonly StudyPart[]): string[] => [
      ...new Set(stepsOfParts(steps, asked).map(({ part }) => part)),
    ];
    expect(parts(['1'])).toEqual(['1']);
    expect(parts(['2'])).toEqual(['tune', '2']);
    const three = stepsOfParts(steps, ['3']);
    const ids = new Set(three.map(({ id }) => id));
    expect(three.flatMap(({ needs }) => needs).filter((id) => !ids.has(id))).toEqual([]);
  });
});

describe('prompts', () => {
  test('of every purpose come from their split, and no meaning serves two purposes', () => {
    const purposes = ['train', 'val', 'test', 'unseen'] as const;
    const keys = purposes.map((purpose) => {
      const prompts = promptsOfAll(purpose, full.categories, 8).map(
        ({ text }) => parsePrompt(text) as ShapesPrompt,
      );
      expect(new Set(prompts.map(splitOf))).toEqual(new Set([purpose]));
      return new Set(prompts.map(meaningKey));
    });
    const all = keys.flatMap((set) => [...set]);
    expect(new Set(all).size).toBe(all.length);
  });
});

describe('the budget', () => {
  const speed = { evaluationMs: 10, imageMs: 30, sampleMs: 25 };

  test('adds up evaluations, images and training samples', () => {
    const cost = addCosts([
      { evaluations: 100, images: 2, samples: 0 },
      { evaluations: 0, images: 1, samples: 40 },
    ]);
    expect(secondsOf(cost, speed)).toBeCloseTo((100 * 10 + 3 * 30 + 40 * 25) / 1000);
  });

  test('counts what is left, shared by the workers', () => {
    const steps = forecastSteps(quick, schedule);
    const none = { has: () => false };
    const hours = (workers: number): number =>
      budget(steps, none, speed, workers).reduce((sum, row) => sum + row.hours, 0);
    expect(hours(2)).toBeCloseTo(hours(1) / 2);
    expect(budget(steps, { has: () => true }, speed, 1).every(({ hours: left }) => left === 0)).toBe(true);
  });

  test('of the largest design is at most twelve hours with two workers on an idle machine', () => {
    const cost = addCosts(forecastSteps(full, schedule).map((step) => step.cost));
    expect(secondsOf(cost, { evaluationMs: 11, imageMs: 35, sampleMs: 30 }) / 2 / 3600).toBeLessThan(12);
  });

  test('chooses a larger design for more hours, and always one', () => {
    expect(designFor(0.01, schedule, speed, 2).name).toBe('afternoon');
    expect(designFor(12, schedule, speed, 2).name).toBe('full');
  });
});
