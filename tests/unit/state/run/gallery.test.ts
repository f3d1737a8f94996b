// What a click in the gallery asks of the engine, whose end of the wire is played by the test.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { CandidateRecord } from '../../../../src/contract/events.ts';
import type { ClientMessage } from '../../../../src/contract/protocol.ts';
import type { RunStanding, RunState } from '../../../../src/contract/runTypes.ts';
import { disposeEngine } from '../../../../src/state/page/engineClient.ts';
import {
  clearHandPicks,
  openGallery,
  picksOf,
  promptPicks,
  receiveCandidates,
  rerank,
  toggle,
  useGallery,
} from '../../../../src/state/run/gallery.ts';
import { useRuns } from '../../../../src/state/run/runs.ts';
import { mapToPicks } from '../../../../src/state/run/selection.ts';
import { buildSpec, INITIAL_DRAFT } from '../../../../src/state/setup/settings.ts';

const standing: RunStanding = { updatedAt: 9, status: 'paused', stage: 'train', round: 0, progress: 0 };
const summary = {
  ...standing,
  id: 'run-1',
  name: 'colors',
  createdAt: 1,
  stage: 'done',
  sizeBytes: 7,
} as const;
const asked: ClientMessage[] = [];

class Engine {
  onmessage: ((message: { data: unknown }) => void) | null = null;
  postMessage(message: ClientMessage): void {
    asked.push(message);
    if (!('id' in message)) return;
    const value = message.name === 'rank' ? { picks: [{ prompt: 0, candidate: 0 }], scores: [] } : standing;
    queueMicrotask(() => this.onmessage?.({ data: { kind: 'result', id: message.id, value } }));
  }
  terminate(): void {}
}

function record(prompt: number, candidate: number, score: number): CandidateRecord {
  const trace = { t: [], squaredDifference: [] };
  return { round: 0, prompt, candidate, seed: 0, trace, score, standardError: null, metrics: {} };
}

beforeEach(() => {
  vi.stubGlobal('Worker', Engine);
  asked.length = 0;
  const built = buildSpec(INITIAL_DRAFT, ['a', 'b']);
  const spec = { ...built, selection: { ...built.selection, keep: 1 } };
  const candidates = [record(0, 0, 1), record(0, 1, 2), record(1, 0, 3)];
  const run: RunState = {
    summary,
    spec,
    heldOut: [],
    candidates,
    stopped: [],
    selections: [],
    train: [],
    validation: [],
    evaluations: [],
    warnings: [],
    versions: [],
    previews: [],
  };
  useRuns.setState({
    runs: [summary, { ...summary, id: 'run-2' }],
    open: { summary, spec, heldOut: [], versions: [], version: 0 },
  });
  openGallery(run);
});
afterEach(() => {
  disposeEngine();
  vi.unstubAllGlobals();
});

const picks = () => mapToPicks(picksOf(useGallery.getState())).map((p) => [p.prompt, p.candidate]);

test('one click stores one selection and asks for nothing about other runs', async () => {
  await toggle(0, 0);
  expect(asked.map((message) => message.name)).toEqual(['setSelection']);
  expect(asked[0]).toMatchObject({
    args: {
      runId: 'run-1',
      round: 0,
      picks: [
        { prompt: 0, candidate: 0 },
        { prompt: 0, candidate: 1 },
        { prompt: 1, candidate: 0 },
      ],
    },
  });
  // The run was trained on another selection: it goes back to training, in the list too.
  const { open, stage, runs } = useRuns.getState();
  expect([open?.summary.stage, stage, runs?.map((run) => run.stage)]).toEqual([
    'train',
    'train',
    ['train', 'done'],
  ]);
  expect(runs?.[0]?.sizeBytes).toBe(7);
});

test('picks follow the pool, the ranking and the hand, whatever comes first', async () => {
  expect(picks()).toEqual([
    [0, 1],
    [1, 0],
  ]);
  receiveCandidates([record(0, 2, 9)]);
  expect(picks()).toEqual([
    [0, 2],
    [1, 0],
  ]);
  await rerank({ weights: 'none' }, { save: false });
  expect(picks()).toEqual([[0, 0]]);
  await toggle(1, 0);
  expect(picks()).toEqual([
    [0, 0],
    [1, 0],
  ]);
  await clearHandPicks();
  expect(picks()).toEqual([[0, 0]]);
});

test('the picks of a prompt are the same set until something about it changes', async () => {
  const before = promptPicks(useGallery.getState(), 1);
  await toggle(0, 0);
  expect(promptPicks(useGallery.getState(), 1)).toBe(before);
});
