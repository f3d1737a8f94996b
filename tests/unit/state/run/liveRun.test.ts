import { describe, expect, test } from 'vitest';
import type { JobEvent, TrainRecord, ValidationRecord } from '../../../../src/contract/events.ts';
import type { RunStatus, RunSummary } from '../../../../src/contract/runTypes.ts';
import { pageOf } from '../../../../src/state/page/navigation.ts';
import {
  type Activity,
  isPast,
  type OpenRun,
  reduceRun,
  unfinished,
  useRuns,
  visibleStatus,
} from '../../../../src/state/run/runs.ts';
import {
  bestOf,
  NO_TRAINING,
  reduceTraining,
  type TrainingState,
} from '../../../../src/state/run/training.ts';
import { buildSpec, INITIAL_DRAFT } from '../../../../src/state/setup/settings.ts';

const train = (step: number, loss = 1, round = 0): JobEvent => ({
  type: 'train',
  record: { version: 0, round, step, loss, gradNorm: 1, learningRate: 1e-4 } satisfies TrainRecord,
});
const validation = (step: number, best: boolean, round = 0): JobEvent => ({
  type: 'validation',
  record: { version: 0, round, step, loss: 1, mi: 0.3, best } satisfies ValidationRecord,
});
const play = (events: readonly JobEvent[]): TrainingState => events.reduce(reduceTraining, NO_TRAINING);

describe('training as it is reported', () => {
  test('steps repeated after a resume replace the earlier ones', () => {
    const state = play([train(1), train(2), train(3), train(2, 9), train(3, 8)]);
    expect(state.train.map(({ step, loss }) => [step, loss])).toEqual([
      [1, 1],
      [2, 9],
      [3, 8],
    ]);
  });

  test('a later round goes on after the earlier one', () => {
    const state = play([train(1), train(2), train(1, 5, 1)]);
    expect(state.train.map(({ round, step }) => [round, step])).toEqual([
      [0, 1],
      [0, 2],
      [1, 1],
    ]);
  });

  test('each round has one best checkpoint, the last that was called best', () => {
    const state = play([
      validation(10, true),
      validation(20, true),
      validation(30, false),
      validation(10, true, 1),
    ]);
    expect(state.validation.map((record) => record.best)).toEqual([false, true, false, true]);
    expect(bestOf(state.validation, 0)?.step).toBe(20);
    expect(bestOf(state.validation, 2)).toBeNull();
  });
});

const summary = (id: string, status: RunStatus, updatedAt: number): RunSummary => ({
  id,
  name: id,
  createdAt: 0,
  updatedAt,
  status,
  stage: 'train',
  round: 0,
  progress: 0.5,
  sizeBytes: 0,
});

describe('the open run', () => {
  test('a new stage forgets the progress of the one before', () => {
    const initial = useRuns.getInitialState();
    const progress = { stage: 'pool', done: 3, total: 8, unit: 'images', secondsLeft: 5 } as const;
    const drawing = reduceRun(initial, { type: 'progress', ...progress });
    expect(drawing.progress).toEqual(progress);
    expect(reduceRun(drawing, { type: 'stage', stage: 'train', round: 1 })).toMatchObject({
      stage: 'train',
      round: 1,
      progress: null,
    });
  });

  test.each<[Activity, RunStatus | null, string]>([
    ['idle', null, 'idle'],
    ['starting', null, 'running'],
    ['working', 'new', 'running'],
    ['pausing', 'running', 'pausing'],
    ['idle', 'running', 'paused'],
    ['idle', 'failed', 'failed'],
    ['idle', 'done', 'done'],
  ])('%s with a run that is %s shows as %s', (activity, status, expected) => {
    const spec = buildSpec(INITIAL_DRAFT, []);
    const open: OpenRun | null =
      status === null
        ? null
        : { summary: summary('a', status, 0), spec, heldOut: [], versions: [], version: 0 };
    expect(visibleStatus({ open, activity, elsewhere: new Set() })).toBe(expected);
    if (status !== null && activity === 'idle')
      expect(visibleStatus({ open, activity, elsewhere: new Set(['a']) })).toBe('elsewhere');
  });

  test('stages have an order and a page each', () => {
    expect(isPast('train', 'select')).toBe(true);
    expect(isPast('select', 'select')).toBe(false);
    expect(isPast(null, 'load')).toBe(false);
    expect([pageOf('pool'), pageOf('evaluate'), pageOf('done')]).toEqual(['build', 'compare', null]);
  });
});

test('runs that can go on are listed latest first', () => {
  const runs = [summary('a', 'paused', 1), summary('b', 'done', 9), summary('c', 'failed', 5)];
  expect(unfinished(runs).map((run) => run.id)).toEqual(['c', 'a']);
});
