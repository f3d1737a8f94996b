// The ranking that a selection was stored under is in use again when its run is opened.

import { beforeEach, expect, test } from 'vitest';
import type { CandidateRecord } from '../../../../src/contract/events.ts';
import type { RunState, RunSummary } from '../../../../src/contract/runTypes.ts';
import { rankingOf } from '../../../../src/contract/spec.ts';
import {
  awaitsRanking,
  openGallery,
  picksOf,
  showRound,
  useGallery,
} from '../../../../src/state/run/gallery.ts';
import { mapToPicks } from '../../../../src/state/run/selection.ts';
import { buildSpec, INITIAL_DRAFT } from '../../../../src/state/setup/settings.ts';

const spec = buildSpec(INITIAL_DRAFT, ['a red circle']);
const original = rankingOf(spec);
const ranking = { ...original, truncation: original.truncation + 100, keep: 2 };

const candidate = (round: number, number: number): CandidateRecord => ({
  round,
  prompt: 0,
  candidate: number,
  seed: number,
  trace: { t: [], squaredDifference: [] },
  score: -number,
  standardError: null,
  metrics: {},
});
const pick = (number: number) => ({ prompt: 0, candidate: number });

function stateWith(selections: RunState['selections']): RunState {
  return {
    summary: { id: 'run-1' } as RunSummary,
    spec,
    heldOut: [],
    candidates: [0, 1].flatMap((round) => [0, 1, 2].map((number) => candidate(round, number))),
    selections,
    train: [],
    validation: [],
    evaluations: [],
    warnings: [],
    versions: [],
    stopped: [],
    previews: [],
  };
}

beforeEach(() => useGallery.setState(useGallery.getInitialState()));

test('each round has its own, and nothing passes for chosen by hand before its scores are there', () => {
  openGallery(
    stateWith([
      { version: 0, round: 0, picks: [pick(2)] },
      { version: 0, round: 1, picks: [pick(1), pick(2)], ranking },
    ]),
  );
  const { getState } = useGallery;
  expect(getState()).toMatchObject({ round: 1, ranking });
  expect(awaitsRanking(getState())).toBe(true);
  expect(mapToPicks(picksOf(getState()))).toEqual([pick(1), pick(2)]);
  expect(getState().byHand.size).toBe(0);
  showRound(0);
  expect(getState().ranking).toEqual(original);
  expect(awaitsRanking(getState())).toBe(false);
  expect(getState().byHand.size).toBe(1);
});

test('a selection of the run’s own ranking awaits nothing', () => {
  openGallery(stateWith([{ version: 0, round: 1, picks: [pick(0)], ranking: { ...original } }]));
  expect(awaitsRanking(useGallery.getState())).toBe(false);
});
