import { expect, it } from 'vitest';
import type { CandidateRecord } from '../../../../src/contract/events.ts';
import { presetSettings } from '../../../../src/contract/presets.ts';
import { ownScores } from '../../../../src/state/run/agreement.ts';

const record = (candidate: number, score: number, metrics: CandidateRecord['metrics']): CandidateRecord => ({
  round: 0,
  prompt: 2,
  candidate,
  seed: candidate,
  trace: { t: [], squaredDifference: [] },
  score,
  standardError: null,
  metrics,
});

it('scores of a pool are its own and every metric it has, known or not, where it has a number', () => {
  const pool = new Map([
    [
      2,
      [record(0, 5, { exact: { value: 0.5 } }), record(1, 7, { exact: { value: 1 }, hps: { value: 0.2 } })],
    ],
  ]);
  const scores = ownScores(pool, presetSettings('demo').score);
  expect(
    scores.map(({ name, values }) => [name, values.map(({ candidate, value }) => [candidate, value])]),
  ).toEqual([
    [
      'mi',
      [
        [0, 5],
        [1, 7],
      ],
    ],
    [
      'exact',
      [
        [0, 0.5],
        [1, 1],
      ],
    ],
    ['hps', [[1, 0.2]]],
  ]);
  expect(scores.every(({ values }) => values.every(({ prompt }) => prompt === 2))).toBe(true);
});
