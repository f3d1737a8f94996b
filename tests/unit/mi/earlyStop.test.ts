// Which candidates go on: a function of all of a prompt's scores so far, whoever of them is being drawn.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { earlyStopOf } from '../../../src/contract/earlyStop.ts';
import { presetSettings } from '../../../src/contract/presets.ts';
import { createSchedule } from '../../../src/diffusion/schedule.ts';
import { parseSchedulerFile, resolveScheduler } from '../../../src/diffusion/schedulerConfig.ts';
import { type Cut, cutRows, scoreSoFar } from '../../../src/mi/earlyStop.ts';
import { scoreCoefficients, scoreTrace } from '../../../src/mi/score.ts';

const cutOf = (groups: Cut['groups']): Cut => ({ steps: 1, coefficients: [1], groups });
const candidates = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe('the cut', () => {
  test('keeps the upper half of each prompt, ties by number', () => {
    const groups = [
      { candidates: candidates(4), known: [], goOn: 2 },
      { candidates: candidates(3), known: [], goOn: 2 },
    ];
    const found = cutRows(cutOf(groups), [[1], [3], [2], [3], [7], [7], [7]]);
    expect(found.goOn).toEqual([1, 3, 4, 5]);
    expect(found.stopped).toEqual([
      { row: 0, score: 1 },
      { row: 2, score: 2 },
      { row: 6, score: 7 },
    ]);
  });

  test('leaves a prompt whole where all go on', () => {
    const groups = [{ candidates: candidates(3), known: [], goOn: 3 }];
    expect(cutRows(cutOf(groups), [[1], [1], [0]])).toEqual({ goOn: [0, 1, 2], stopped: [] });
  });

  test('comes to the same whatever was drawn or stopped before', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 12 }),
        fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
        fc.nat({ max: 12 }),
        (scores, isThere, kept) => {
          const goOn = Math.max(1, Math.min(kept, scores.length));
          const all = candidates(scores.length);
          const whole = cutRows(
            cutOf([{ candidates: all, known: [], goOn }]),
            scores.map((s) => [s]),
          );
          const open = all.filter((c) => !isThere[c]);
          const known = all
            .filter((c) => isThere[c])
            .map((candidate) => ({ candidate, score: scores[candidate] as number }));
          const part = cutRows(
            cutOf([{ candidates: open, known, goOn }]),
            open.map((c) => [scores[c] as number]),
          );
          expect(part.goOn.map((row) => open[row])).toEqual(whole.goOn.filter((c) => !isThere[c]));
          expect(whole.goOn).toHaveLength(goOn);
        },
      ),
    );
  });
});

describe('the score so far', () => {
  const schedule = createSchedule(
    resolveScheduler(parseSchedulerFile({ _class_name: 'DDPMScheduler' }, 'scheduler.json'), 'ddpm'),
  );
  const timesteps = [900, 700, 500, 300, 100];
  const traces = [
    [3, 1, 4, 1, 5],
    [2, 7, 1, 8, 2],
    [2.5, 1.5, 3, 9, 0],
  ];

  test.each(['eq2', 'code', 'posterior', 'none'] as const)(
    'orders as the score of the path so far does: %s',
    (weights) => {
      const options = { weights, truncation: 50 };
      const coefficients = scoreCoefficients(schedule, timesteps, options).slice(0, 2);
      const soFar = traces.map((trace) => scoreSoFar(coefficients, trace));
      const ofPath = traces.map((trace) =>
        scoreTrace(
          schedule,
          timesteps.slice(0, 2).map((t, i) => ({ t, squaredDifference: trace[i] as number })),
          options,
        ),
      );
      const order = (values: number[]) =>
        candidates(3).sort((a, b) => (values[b] as number) - (values[a] as number));
      expect(order(soFar)).toEqual(order(ofPath));
    },
  );

  test('is the part of the score that its steps have', () => {
    const options = { weights: 'dlogsnr', truncation: 0 } as const;
    const coefficients = scoreCoefficients(schedule, timesteps, options);
    const [trace] = traces as [number[]];
    const rest = trace.slice(2).reduce((sum, x, i) => sum + x * (coefficients[i + 2] as number), 0);
    const whole = scoreTrace(
      schedule,
      timesteps.map((t, i) => ({ t, squaredDifference: trace[i] as number })),
      options,
    );
    expect(scoreSoFar(coefficients.slice(0, 2), trace) + rest).toBeCloseTo(whole, 9);
  });

  test('is the same of numbers as they were measured and as they are stored', () => {
    const measured = [1 / 3, 0.1];
    expect(scoreSoFar([1, 2], measured)).toBe(scoreSoFar([1, 2], Float32Array.from(measured)));
  });
});

describe('where candidates are stopped', () => {
  const { selection } = presetSettings('demo');
  const of = (change: Partial<typeof selection>, steps: number) =>
    earlyStopOf({ selection: { ...selection, earlyStop: true, ...change } }, steps);

  test('after three tenths of the steps, the upper half or as many as are kept', () => {
    expect(of({}, 30)).toEqual({ steps: 9, goOn: 4 });
    expect(of({ candidates: 7 }, 51)).toEqual({ steps: 15, goOn: 4 });
    expect(of({ candidates: 8, keep: 6 }, 2)).toEqual({ steps: 1, goOn: 6 });
  });

  test('nowhere if nothing is asked for or saved', () => {
    expect(of({ earlyStop: false }, 30)).toBeNull();
    expect(of({ candidates: 1 }, 30)).toBeNull();
    expect(of({ candidates: 8, keep: 8 }, 30)).toBeNull();
    expect(of({}, 1)).toBeNull();
  });
});
