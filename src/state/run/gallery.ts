/** The pool of the open run as it is shown: candidates, their ranking and the selection. */
import { create } from 'zustand';
import type { CandidateRecord, Picked } from '../../contract/events.ts';
import type { RunState } from '../../contract/runTypes.ts';
import { type Ranking, rankingOf } from '../../contract/spec.ts';
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

export type Focus = { readonly prompt: number; readonly candidate: number };

export type GalleryState = {
  readonly runId: string | null;
  readonly rounds: ReadonlyMap<number, Pool>;
  readonly round: number;
  readonly ranking: Ranking;
  /** The ranking that the run was asked for. */
  readonly original: Ranking;
  /** Scores under `ranking`; null while those of the run itself apply. */
  readonly scores: ScoreMap | null;
  readonly rankedPicks: PickMap;
  readonly byHand: PickMap;
  /** Selections as stored, by round. */
  readonly stored: ReadonlyMap<number, PickMap>;
  /** Rankings that selections were stored under, by round, where they are not the run's own. */
  readonly storedRankings: ReadonlyMap<number, Ranking>;
  /** The selection in force: ranked, with what was changed by hand. */
  readonly picks: PickMap;
  readonly focus: Focus | null;
  /** True once the user chose the focus; until then it follows the newest image. */
  readonly pinned: boolean;
};

const NO_RANKING: Ranking = { weights: 'eq2', truncation: 0, candidates: 1, keep: 1 };
const EMPTY: GalleryState = {
  runId: null,
  rounds: new Map(),
  round: 0,
  ranking: NO_RANKING,
  original: NO_RANKING,
  scores: null,
  rankedPicks: new Map(),
  byHand: new Map(),
  stored: new Map(),
  storedRankings: new Map(),
  picks: new Map(),
  focus: null,
  pinned: false,
};

export const EMPTY_POOL: Pool = new Map();

export const useGallery = create<GalleryState>()(() => EMPTY);
const { setState: set, getState: get } = useGallery;

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
  const original = rankingOf(spec);
  const rankings = selections.flatMap(({ round: selected, ranking }): [number, Ranking][] =>
    ranking === undefined || sameRanking(ranking, original) ? [] : [[selected, ranking]],
  );
  set({ ...EMPTY, runId: summary.id, rounds, original, storedRankings: new Map(rankings) });
  showRound(round);
  for (const { round: selected, picks } of selections) receiveSelection(selected, picks);
}

export function sameRanking(a: Ranking, b: Ranking): boolean {
  return (
    a.weights === b.weights &&
    a.truncation === b.truncation &&
    a.candidates === b.candidates &&
    a.keep === b.keep
  );
}

export function showRound(round: number): void {
  const { rounds, original, storedRankings } = get();
  const ranking = storedRankings.get(round) ?? original;
  const rankedPicks = topPicks(rounds.get(round) ?? EMPTY_POOL, ranking.keep);
  set({
    round,
    ranking,
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

/** True while the pool is shown by the scores of the run although its selection was stored under another ranking. */
export function awaitsRanking({ scores, ranking, original }: GalleryState): boolean {
  return scores === null && !sameRanking(ranking, original);
}

/** Where the stored selection differs from the ranking it counts as made by hand. */
function applyStored(): void {
  const { round, rankedPicks } = get();
  const stored = get().stored.get(round);
  if (stored === undefined) return;
  // What was chosen by hand shows once the scores of the stored ranking are there.
  if (awaitsRanking(get())) {
    set({ rankedPicks: stored, byHand: new Map(), picks: stored });
    return;
  }
  const changed = differingPrompts(stored, rankedPicks);
  const byHand = new Map(changed.map((prompt) => [prompt, stored.get(prompt) ?? new Set<number>()]));
  set({ byHand, picks: mergePicks(rankedPicks, byHand) });
}

/**
 * Ranks the stored pool anew; prompts changed by hand keep their choice. Without `save` the outcome is only shown and
 * the stored selection stays.
 */
export async function rerank(change: Partial<Ranking>, { save }: { save: boolean }): Promise<void> {
  if (!(await applyRanking({ ...get().ranking, ...change }))) return;
  const { rankedPicks, byHand } = get();
  set({ picks: mergePicks(rankedPicks, byHand) });
  if (save) await saveSelection();
}

/** Ranks by what the selection on show was stored under; until then it is shown by the scores of the run. */
export async function restoreRanking(): Promise<void> {
  if (awaitsRanking(get()) && (await applyRanking({ ...get().ranking }))) applyStored();
}

/** Scores of the stored pool under a ranking; false if they could not be had or are no longer wanted. */
async function applyRanking(ranking: Ranking): Promise<boolean> {
  const { runId, round } = get();
  set({ ranking });
  if (runId === null) return false;
  const { weights, truncation, candidates, keep } = ranking;
  const answer = await attempt(() =>
    engineClient().call('rank', { runId, round, score: { weights, truncation }, candidates, keep }),
  );
  // A later change has its own answer on the way.
  if (answer === null || get().ranking !== ranking || get().runId !== runId) return false;
  set({
    rankedPicks: picksToMap(answer.picks),
    scores: new Map(answer.scores.map((s) => [candidateKey(s.prompt, s.candidate), s.score])),
  });
  return true;
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
  const { runId, round, picks, ranking } = get();
  if (runId === null) return;
  set({
    stored: new Map(get().stored).set(round, picks),
    storedRankings: new Map(get().storedRankings).set(round, ranking),
  });
  await attempt(async () => {
    await engineClient().call('setSelection', { runId, round, picks: mapToPicks(picks), ranking });
    // A run that was trained on another selection goes back to training.
    await refreshOpenRun();
  });
}
