/** The pool of the open run as it is shown: candidates, their ranking and the selection. */
import { create } from 'zustand';
import type { CandidateRecord, Picked } from '../../contract/events.ts';
import type { RunState } from '../../contract/runTypes.ts';
import type { MiTuneSpec, WeightsName } from '../../contract/spec.ts';
import { engineClient } from '../page/engineClient.ts';
import { attempt } from '../page/notices.ts';
import { refreshOpenRun } from './openRunStatus.ts';
import {
  addToPool,
  candidateKey,
  differingPrompts,
  mapToPicks,
  mergePicks,
  type PickMap,
  type Pool,
  picksToMap,
  type ScoreMap,
  togglePick,
  topPicks,
} from './selection.ts';

/** What decides the order; all of it can change without a network evaluation. */
export type Ranking = {
  readonly weights: WeightsName;
  readonly truncation: number;
  readonly candidates: number;
  readonly keep: number;
};

export type Focus = { readonly prompt: number; readonly candidate: number };

export type GalleryState = {
  readonly runId: string | null;
  readonly rounds: ReadonlyMap<number, Pool>;
  readonly round: number;
  readonly ranking: Ranking;
  /** Scores under `ranking`; null while those of the run itself apply. */
  readonly scores: ScoreMap | null;
  readonly rankedPicks: PickMap;
  readonly byHand: PickMap;
  /** Selections as stored, by round. */
  readonly stored: ReadonlyMap<number, PickMap>;
  /** The selection in force: ranked, with what was changed by hand. */
  readonly picks: PickMap;
  readonly focus: Focus | null;
  /** True once the user chose the focus; until then it follows the newest image. */
  readonly pinned: boolean;
};

const EMPTY: GalleryState = {
  runId: null,
  rounds: new Map(),
  round: 0,
  ranking: { weights: 'eq2', truncation: 0, candidates: 1, keep: 1 },
  scores: null,
  rankedPicks: new Map(),
  byHand: new Map(),
  stored: new Map(),
  picks: new Map(),
  focus: null,
  pinned: false,
};

export const EMPTY_POOL: Pool = new Map();

export const useGallery = create<GalleryState>()(() => EMPTY);
const { setState: set, getState: get } = useGallery;

export function rankingOf(spec: MiTuneSpec): Ranking {
  const { weights, truncation } = spec.score;
  return { weights, truncation, candidates: spec.selection.candidates, keep: spec.selection.keep };
}

/** Shows the pool of a run, with the selection that was stored. */
export function openGallery({ summary, spec, candidates, selections }: RunState): void {
  const rounds = new Map<number, Pool>();
  for (const round of new Set(candidates.map((record) => record.round))) {
    rounds.set(
      round,
      addToPool(
        EMPTY_POOL,
        candidates.filter((record) => record.round === round),
      ),
    );
  }
  const round = rounds.size === 0 ? 0 : Math.max(...rounds.keys());
  set({ ...EMPTY, runId: summary.id, rounds, ranking: rankingOf(spec) });
  showRound(round);
  for (const { round: selected, picks } of selections) receiveSelection(selected, picks);
}

export function showRound(round: number): void {
  const { rounds, ranking } = get();
  const rankedPicks = topPicks(rounds.get(round) ?? EMPTY_POOL, ranking.keep);
  set({
    round,
    scores: null,
    rankedPicks,
    byHand: new Map(),
    picks: rankedPicks,
    focus: firstOf(rankedPicks),
    pinned: false,
  });
  applyStored();
}

export function receiveCandidates(records: readonly CandidateRecord[]): void {
  const first = records[0];
  if (first === undefined) return;
  const rounds = new Map(get().rounds).set(
    first.round,
    addToPool(get().rounds.get(first.round) ?? EMPTY_POOL, records),
  );
  set({ rounds });
  if (get().round !== first.round) showRound(first.round);
  const rankedPicks = topPicks(rounds.get(first.round) ?? EMPTY_POOL, get().ranking.keep);
  const focus = get().pinned ? get().focus : (records.at(-1) ?? null);
  set({ rankedPicks, picks: mergePicks(rankedPicks, get().byHand), focus });
}

/** A selection that was made or read back. */
export function receiveSelection(round: number, picks: readonly Picked[]): void {
  set({ stored: new Map(get().stored).set(round, picksToMap(picks)) });
  if (round === get().round) applyStored();
}

/** Where the stored selection differs from the ranking it counts as made by hand. */
function applyStored(): void {
  const { round, rankedPicks } = get();
  const stored = get().stored.get(round);
  if (stored === undefined) return;
  const changed = differingPrompts(stored, rankedPicks);
  const byHand = new Map(changed.map((prompt) => [prompt, stored.get(prompt) ?? new Set<number>()]));
  set({ byHand, picks: mergePicks(rankedPicks, byHand) });
}

/**
 * Ranks the stored pool anew; prompts changed by hand keep their choice. Without `save` the outcome is only shown and
 * the stored selection stays.
 */
export async function rerank(change: Partial<Ranking>, { save }: { save: boolean }): Promise<void> {
  const { runId, round } = get();
  const ranking = { ...get().ranking, ...change };
  set({ ranking });
  if (runId === null) return;
  const { weights, truncation, candidates, keep } = ranking;
  const answer = await attempt(() =>
    engineClient().call('rank', { runId, round, score: { weights, truncation }, candidates, keep }),
  );
  // A later change has its own answer on the way.
  if (answer === null || get().ranking !== ranking || get().runId !== runId) return;
  const rankedPicks = picksToMap(answer.picks);
  const scores = new Map(answer.scores.map((s) => [candidateKey(s.prompt, s.candidate), s.score]));
  set({ scores, rankedPicks, picks: mergePicks(rankedPicks, get().byHand) });
  if (save) await saveSelection();
}

export async function toggle(prompt: number, candidate: number): Promise<void> {
  const { picks, byHand, rankedPicks } = get();
  const next = togglePick(picks, byHand, prompt, candidate);
  set({ byHand: next, picks: mergePicks(rankedPicks, next) });
  await saveSelection();
}

export async function clearHandPicks(): Promise<void> {
  set({ byHand: new Map(), picks: get().rankedPicks });
  await saveSelection();
}

export function focusOn(focus: Focus | null): void {
  set({ focus, pinned: focus !== null });
}

/** The best image of the first prompt. */
function firstOf(picks: PickMap): Focus | null {
  const [first] = mapToPicks(picks);
  return first ?? null;
}

async function saveSelection(): Promise<void> {
  const { runId, round, picks } = get();
  if (runId === null) return;
  set({ stored: new Map(get().stored).set(round, picks) });
  await attempt(async () => {
    await engineClient().call('setSelection', { runId, round, picks: mapToPicks(picks) });
    // A run that was trained on another selection goes back to training.
    await refreshOpenRun();
  });
}
