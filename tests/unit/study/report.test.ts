import { describe, expect, test } from 'vitest';
import { difference, layoutOf, level, type Outcome, spreadOf } from '../../../tools/study/analysis/align.ts';
import { aspectsOf } from '../../../tools/study/analysis/diagnosis.ts';
import { interval, number, points, table } from '../../../tools/study/report/markdown.ts';
import { paperSection } from '../../../tools/study/report/paper.ts';
import { intervalPlot, linePlot, niceTicks } from '../../../tools/study/report/svg.ts';

const object = {
  shape: 'circle',
  color: 'red',
  texture: 'solid',
  size: 'big',
  x: 10,
  y: 10,
  radius: 8,
} as const;

/** Six prompts whose share is `share`, for each seed. */
function outcome(arm: Outcome['arm'], label: string, shares: readonly number[]): Outcome {
  const prompts = (share: number) =>
    Array.from({ length: 6 }, (_, i) => ({
      category: i < 3 ? 'color' : 'spatial',
      text: `prompt ${i}`,
      share,
      strict: 0,
      distinct: 1,
      spread: 1,
    }));
  const replicates = shares.map((share, replicate) => ({ replicate, prompts: prompts(share) }));
  return { arm, label, replicates, wanted: shares.length };
}

describe('outcomes', () => {
  const base = outcome('base', 'base', [0.5]);
  const mi = outcome('mi', 'mi', [0.6, 0.7]);

  test('compare with the base model under every seed', () => {
    expect(difference(mi, base, 'share').estimate).toBeCloseTo(0.15);
  });

  test('pair up seeds: one that the other arm lacks is left out', () => {
    const random = { ...outcome('random', 'random', [0, 0.65]), wanted: 2 };
    const one = { ...random, replicates: random.replicates.slice(1) };
    expect(difference(mi, one, 'share').estimate).toBeCloseTo(0.05);
  });

  test('can be looked at by category', () => {
    expect(level(mi, 'share', 'color').estimate).toBeCloseTo(0.65);
  });

  test('call layouts equal where the same things lie in the same ninths of the picture', () => {
    const other = { ...object, color: 'blue', x: 60 } as const;
    const moved = { ...object, x: 14, y: 20 };
    expect(layoutOf({ objects: [object, other] })).toBe(layoutOf({ objects: [other, moved] }));
    expect(layoutOf({ objects: [object] })).not.toBe(layoutOf({ objects: [{ ...object, y: 40 }] }));
  });
});

test('claims are told apart by what they are about', () => {
  expect(aspectsOf('a big red circle on the left of a blue star')).toEqual([
    'objects',
    'attributes',
    'attributes',
    'objects',
    'attributes',
    'relation',
  ]);
});

describe('the verdicts on the paper', () => {
  const empty = { base: null, arms: [], rounds: [], ablations: [] };

  test('are open before anything is done', () => {
    expect(paperSection(null, empty).match(/not done yet/g)).toHaveLength(12);
  });

  test('follow the intervals', () => {
    const base = outcome('base', 'base', [0.5]);
    const arms = [outcome('mi', 'mi', [0.6, 0.6, 0.6]), outcome('random', 'random', [0.7, 0.7, 0.7])];
    const text = paperSection({ estimate: 0.01, low: -0.1, high: 0.1, count: 9 }, { ...empty, base, arms });
    expect(text).toMatch(/higher MI .* \| tau 0\.010 \[−0\.100, 0\.100\] \| not shown either way/);
    expect(text).toMatch(/better than the base model .* \| \+10\.0 \[10\.0, 10\.0\] \| seen here/);
    expect(text).toMatch(/choice by MI .* \| −10\.0 \[−10\.0, −10\.0\] \| the other way round/);
  });

  test('negate what the paper calls worse', () => {
    const outcomes = [outcome('mi', 'DoRA', [0.5, 0.5]), outcome('mi', 'LoRA', [0.6, 0.6])];
    const ablations = [{ title: 'What is trained (Table 8)', note: '', reference: 'DoRA', outcomes }];
    expect(paperSection(null, { ...empty, ablations })).toMatch(
      /DoRA is better than LoRA .* \| −10\.0 \[−10\.0, −10\.0\] \| \*\*contradicted\*\*/,
    );
  });
});

describe('verdicts on candidates and kept images', () => {
  const empty = { base: null, arms: [], rounds: [], ablations: [] };
  const tableOf = (title: string, reference: string, labels: readonly [string, number][]) => ({
    title,
    note: '',
    reference,
    outcomes: labels.map(([label, share]) => outcome('mi', label, [share, share, share])),
  });

  test("compare with the paper's 50 and with one image, whatever the default is here", () => {
    const ablations = [
      tableOf('Candidates M', 'M = 8', [
        ['M = 8', 0.1],
        ['M = 50', 0.7],
        ['M = 100', 0.6],
      ]),
      tableOf('Kept images k', 'k = 2', [
        ['k = 1', 0.7],
        ['k = 2', 0.1],
        ['k = 4', 0.6],
      ]),
    ];
    const text = paperSection(null, { ...empty, ablations });
    expect(text).toMatch(/More than 50 .* \| −10\.0 \[.*\] \| \*\*contradicted\*\* \(it harms\) \|/);
    expect(text).toMatch(/More images than one .* \| \+10\.0 \[.*\] \| seen here \|/);
  });

  test('say where they rest on a single seed', () => {
    const rounds = [outcome('mi', 'R = 1', [0.5]), outcome('mi', 'R = 2', [0.6])];
    expect(paperSection(null, { ...empty, rounds })).toMatch(
      /second round .* \| seen here, with a single seed/,
    );
  });
});

test('the spread of images is the root mean square difference of their latents', () => {
  const latents = [Float32Array.of(0, 0), Float32Array.of(2, 0), Float32Array.of(0, 2)];
  expect(spreadOf(latents)).toBeCloseTo(Math.sqrt((2 + 2 + 4) / 3));
  expect(spreadOf(latents.slice(0, 1))).toBeNaN();
});

describe('numbers in text', () => {
  test('have a real minus sign, and none for a rounded zero', () => {
    expect([number(-0.5, 1), number(-0.001, 2), number(Number.NaN)]).toEqual(['−0.5', '0.00', '–']);
  });

  test('come with their interval where there is one', () => {
    expect(interval({ estimate: 0.1, low: -0.2, high: 0.4 }, 1)).toBe('0.1 [−0.2, 0.4]');
    expect(points({ estimate: 0.021, low: 0.003, high: 0.04 })).toBe('+2.1 [0.3, 4.0]');
    expect(points({ estimate: 0.021, low: Number.NaN, high: Number.NaN })).toBe('+2.1');
  });

  test('make tables, or say that there is nothing yet', () => {
    expect(table(['a', 'b'], [['1', '2']])).toBe('| a | b |\n| --- | ---: |\n| 1 | 2 |');
    expect(table(['a'], [])).toBe('*Not done yet.*');
  });
});

describe('plots', () => {
  test('mark what has a value and escape names', () => {
    const svg = intervalPlot('a < b', 'tau', [
      { label: 'x & y', estimate: 0.1, low: 0, high: 0.2 },
      { label: 'missing', estimate: Number.NaN, low: Number.NaN, high: Number.NaN },
    ]);
    expect(svg.match(/<circle/g)).toHaveLength(1);
    expect(svg).toContain('x &amp; y');
    expect(svg).toContain('a &lt; b');
    expect(svg).not.toContain('NaN');
    expect(svg).toContain('prefers-color-scheme: dark');
  });

  test('draw lines without gaps for what is missing', () => {
    const points = [0, 1, 2].map((x) => ({ x, y: x === 1 ? Number.NaN : x, low: x, high: x + 1 }));
    expect(linePlot('l', { x: 't', y: 'tau' }, [{ name: 'one', points }])).not.toContain('NaN');
  });

  test.each([
    [0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [-0.13, 0.31, [-0.2, -0.1, 0, 0.1, 0.2, 0.3, 0.4]],
    [0, 0, [0, 0.2]],
  ])('have round ticks from %d to %d', (low, high, ticks) => {
    expect(niceTicks(low, high)).toEqual(ticks);
  });
});
