// Part 1's analyses of single candidates, on invented pools of which the answers are known.

import { describe, expect, test } from 'vitest';
import { parsePrompt } from '../../../src/shapes/parse.ts';
import type { Color, Shape, ShapesPrompt } from '../../../src/shapes/world.ts';
import { baseRows, forgettingRows } from '../../../tools/study/analysis/bases.ts';
import { cheapest, earlyStopRows } from '../../../tools/study/analysis/earlyStop.ts';
import { mistakeOf, mistakeRows } from '../../../tools/study/analysis/mistakes.ts';
import type { Pool } from '../../../tools/study/analysis/pools.ts';
import { modelSchedule } from '../../../tools/study/schedule.ts';

type Candidate = Pool['candidates'][number];
const schedule = modelSchedule();
const TIMESTEPS = [901, 801, 701, 601, 501, 401, 301, 201, 101, 51];

function object(shape: Shape, color: Color): Candidate['objects'][number] {
  return { shape, color, texture: 'solid', size: 'big', x: 30, y: 30, radius: 9 };
}

function candidate(
  trace: readonly number[],
  objects: Candidate['objects'],
  claims: readonly boolean[] = [],
): Candidate {
  return {
    seed: 0,
    latent: '',
    trace,
    share: objects.length / 2,
    strict: false,
    claims,
    objects,
    area: 0,
    timesteps: TIMESTEPS,
    renoised: null,
  };
}

function prompt(text: string): ShapesPrompt {
  const parsed = parsePrompt(text);
  if (parsed === null) throw new Error('outside the grammar');
  return parsed;
}

describe('the kind of mistake', () => {
  const pair = prompt('a red circle and a blue star');
  const of = (asked: ShapesPrompt, objects: Candidate['objects'], claims: readonly boolean[] = []) =>
    mistakeOf(asked, { objects, claims });

  test('is told by what is there', () => {
    expect(of(pair, [object('circle', 'red'), object('star', 'blue')])).toBeNull();
    expect(of(pair, [object('circle', 'red')])).toBe('forgotten');
    expect(of(pair, [object('circle', 'blue'), object('star', 'red')])).toBe('swapped');
    expect(of(pair, [object('circle', 'red'), object('star', 'green')])).toBe('attribute');
  });

  test('is a place only where everything else is right', () => {
    const place = prompt('a circle above a star');
    const both = [object('circle', 'red'), object('star', 'blue')];
    expect(of(place, both, [true, true, true])).toBeNull();
    expect(of(place, both, [true, true, false])).toBe('position');
    expect(of(prompt('a circle touching a star'), both, [true, true, false])).toBe('contact');
    expect(of(place, both.slice(0, 1), [true, false, false])).toBe('forgotten');
  });
});

test('how often MI prefers the right picture is counted over pairs of a prompt', () => {
  const flat = (level: number) => TIMESTEPS.map(() => level);
  const right = [object('circle', 'red'), object('star', 'blue')];
  const pool: Pool = {
    category: 'color',
    text: 'a red circle and a blue star',
    candidates: [
      candidate(flat(3), right),
      candidate(flat(1), right),
      candidate(flat(2), [object('circle', 'red')]),
      candidate(flat(1), [object('circle', 'blue'), object('star', 'red')]),
    ],
  };
  const rows = mistakeRows([pool], schedule);
  const of = (kind: string) => rows.find((row) => row.kind === kind);
  expect(of('forgotten')).toMatchObject({ share: 0.25, preferred: { estimate: 0.5, count: 1 } });
  expect(of('swapped')).toMatchObject({ share: 0.25, preferred: { estimate: 0.75 } });
  expect(of('contact')?.preferred.count).toBe(0);
});

test('a winner that leads from the first step survives any cut, one that comes late does not', () => {
  const objects = [object('circle', 'red')];
  const pools = (winner: (step: number) => number): Pool[] => [
    {
      category: 'color',
      text: 'a red circle and a blue star',
      candidates: Array.from({ length: 8 }, (_, i) =>
        candidate(
          TIMESTEPS.map((_, step) => (i === 7 ? winner(step) : 1 + i / 100)),
          objects,
        ),
      ),
    },
  ];
  const early = earlyStopRows(
    pools(() => 5),
    schedule,
  );
  expect(early.every((row) => row.same.estimate === 1)).toBe(true);
  expect(cheapest(early, 0.95)).toMatchObject({ steps: 1, ofSteps: 10, kept: 1 / 8 });
  expect(cheapest(early, 0.95)?.cost).toBeCloseTo(0.1 + 0.9 / 8);
  const late = earlyStopRows(
    pools((step) => (step < 6 ? 0 : 50)),
    schedule,
  );
  expect(late.every((row) => row.same.estimate === 0)).toBe(true);
  expect(cheapest(late, 0.95)).toBeUndefined();
});

describe('base models that forget more or less', () => {
  const flat = (level: number) => TIMESTEPS.map(() => level);
  const both = [object('circle', 'red'), object('star', 'blue')];
  /** Candidates of rising squared difference, those at `forgets` without the star. */
  const pool = (text: string, forgets: readonly number[]): Pool => ({
    category: 'color',
    text,
    candidates: [1, 2, 3, 4].map((level) =>
      candidate(flat(level), forgets.includes(level) ? both.slice(0, 1) : both),
    ),
  });
  const texts = [
    'a red circle and a blue star',
    'a star and a circle',
    'a circle above a star',
    'a blue star and a circle',
  ];
  const often = { name: 'often', pools: texts.map((text) => pool(text, [1, 2, 3])) };
  const seldom = { name: 'seldom', pools: texts.map((text) => pool(text, [4])) };

  test('come in the order of how often, each beside the first on the same prompts', () => {
    const [first, second] = baseRows([often, { name: 'none', pools: [] }, seldom], schedule);
    expect(first).toMatchObject({ name: 'seldom', mistakes: { forgotten: 0.25 }, prompts: 4 });
    expect(first?.tauChange.estimate).toBe(0);
    expect(second).toMatchObject({ name: 'often', mistakes: { forgotten: 0.75 } });
    expect(first?.tau.estimate).toBeLessThan(0);
    expect(second?.tau.estimate).toBeCloseTo(-(first?.tau.estimate ?? 0));
    // The best of four against their mean: 1 against 5/8, and 1/2 against 7/8.
    expect(second?.gainChange.estimate).toBeCloseTo(0.375 + 0.375);
    // Nothing is left to rank among pictures with both objects.
    expect(second?.tauOfComplete.count).toBe(0);
  });

  test('are joined prompt by prompt', () => {
    const rows = forgettingRows([often, seldom], schedule);
    expect(rows.map(({ upTo, prompts }) => [upTo, prompts])).toEqual([
      [0.25, 4],
      [0.5, 0],
      [0.75, 4],
      [1, 0],
    ]);
    expect(rows[0]?.gain.estimate).toBeCloseTo(-0.375);
    expect(rows[2]?.gain.estimate).toBeCloseTo(0.375);
  });
});
