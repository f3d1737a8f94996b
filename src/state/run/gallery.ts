/** The pool of the open run as it is shown: candidates, their ranking and the selection. */
import { create } from 'zustand';
import type { CandidateRecord, Picked, StoppedRecord } from '../../contract/events.ts';
import type { RunState } from '../../contract/runTypes.ts';
import { type Ranking, rankingOf } from '../../contract/spec.ts';
import { engineClient } from '../page/engineClient.ts';
import { attempt } from '../page/notices.ts';
import { adoptStanding } from './runs.ts';
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

type Focus = { readonly prompt: number; readonly candidate: number };

export type GalleryState = {
  readonly runId: string | null;
  readonly rounds: ReadonlyMap<number, Pool>;
  /** Candidates that were stopped early, by round. */
  readonly stopped: ReadonlyMap<number, PickMap>;
  readonly round: number;
  readonly ranking: Ranking;
  /** The ranking that the run was asked for. */
  readonly original: Ranking;
  /** Scores under `ranking`; null while those of the run itself apply. */
  readonly scores: ScoreMap | null;
  /** The best under `ranking`, as the engine answered; null while the run's own scores apply. */
  readonly answeredPicks: PickMap | null;
  /** Choices of prompts where the user stepped in. */
  readonly byHand: PickMap;
  /** Selections as stored, by round. */
  readonly stored: ReadonlyMap<number, PickMap>;
  /** Rankings that selections were stored under, by round, where they are not the run's own. */
  readonly storedRankings: ReadonlyMap<number, Ranking>;
  readonly focus: Focus | null;
  /** True once the user chose the focus; until then it follows the newest image. */
  readonly pinned: boolean;
};

const NO_RANKING: Ranking = { weights: 'eq2', truncation: 0, candidates: 1, keep: 1 };
const EMPTY: GalleryState = {
  runId: null,
  rounds: new Map(),
  stopped: new Map(),
  round: 0,
  ranking: NO_RANKING,
  original: NO_RANKING,
  scores: null,
  answeredPicks: null,
  byHand: new Map(),
  stored: new Map(),
  storedRankings: new Map(),
  focus: null,
  pinned: false,
};

export const EMPTY_POOL: Pool = new Map();

export const useGallery = create<GalleryState>()(() => EMPTY);
const { setState: set, getState: get } = useGallery;

/** The pool of the round that is shown. */
export function shownPool({ rounds, round }: GalleryState): Pool {
  return rounds.get(round) ?? EMPTY_POOL;
}

/** Candidates of the round on show that were stopped early. */
export function shownStopped({ stopped, round }: Pick<GalleryState, 'stopped' | 'round'>): PickMap {
  return stopped.get(round) ?? NOBODY;
}

/** The best of each prompt, before anything was changed by hand. */
function rankedPicks(state: GalleryState): PickMap {
  return state.answeredPicks ?? topPicks(shownPool(state), state.ranking.keep);
}

/** The selection in force: ranked, with what was changed by hand. */
export function picksOf(state: GalleryState): PickMap {
  return mergePicks(rankedPicks(state), state.byHand);
}

/** The same for one prompt; the same set as long as nothing about it changes. */
export function promptPicks(state: GalleryState, prompt: number): ReadonlySet<number> {
  return state.byHand.get(prompt) ?? rankedPicks(state).get(prompt) ?? NO_PICKS;
}

const NO_PICKS: ReadonlySet<number> = new Set();
const NOBODY: PickMap = new Map();

/** Shows the pool of a run, with the selection that was stored. */
export function openGallery({ summary, spec, candidates, stopped, selections }: RunState): void {
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
  receiveStopped(stopped);
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

/** A round's pool as its own ranking orders it, with the stored selection. */
export function showRound(round: number): void {
  const { original, storedRankings } = get();
  const ranking = storedRankings.get(round) ?? original;
  set({ round, ranking, scores: null, answeredPicks: null, byHand: new Map(), pinned: false });
  set({ focus: firstOf(picksOf(get())) });
  applyStored();
}

/** Adds candidates that were just drawn, all of one round. */
export function receiveCandidates(records: readonly CandidateRecord[]): void {
  const first = records[0];
  if (first === undefined) return;
  const rounds = new Map(get().rounds).set(
    first.round,
    addToPool(get().rounds.get(first.round) ?? EMPTY_POOL, records),
  );
  set({ rounds });
  if (get().round !== first.round) showRound(first.round);
  // What was ranked before does not know the new ones.
  set({ answeredPicks: null, ...(get().pinned ? {} : { focus: records.at(-1) ?? null }) });
}

/** Adds candidates that were stopped early. */
export function receiveStopped(records: readonly StoppedRecord[]): void {
  const stopped = new Map(get().stopped);
  for (const round of new Set(records.map((record) => record.round))) {
    const before = [...(stopped.get(round) ?? NOBODY)].flatMap(([prompt, candidates]) =>
      [...candidates].map((candidate) => ({ prompt, candidate })),
    );
    stopped.set(round, picksToMap([...before, ...records.filter((record) => record.round === round)]));
  }
  set({ stopped });
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
  const stored = get().stored.get(get().round);
  if (stored === undefined) return;
  // What was chosen by hand shows once the scores of the stored ranking are there.
  if (awaitsRanking(get())) {
    set({ answeredPicks: stored, byHand: new Map() });
    return;
  }
  const changed = differingPrompts(stored, rankedPicks(get()));
  set({ byHand: new Map(changed.map((prompt) => [prompt, stored.get(prompt) ?? NO_PICKS])) });
}

/**
 * Ranks the stored pool anew; prompts changed by hand keep their choice. Without `save` the outcome is only shown and
 * the stored selection stays.
 */
export async function rerank(change: Partial<Ranking>, { save }: { save: boolean }): Promise<void> {
  if (!(await applyRanking({ ...get().ranking, ...change }))) return;
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
    answeredPicks: picksToMap(answer.picks),
    scores: new Map(answer.scores.map((s) => [candidateKey(s.prompt, s.candidate), s.score])),
  });
  return true;
}

/** Keeps an image by hand, or leaves it out, and stores the selection. */
export async function toggle(prompt: number, candidate: number): Promise<void> {
  set({ byHand: togglePick(picksOf(get()), get().byHand, prompt, candidate) });
  await saveSelection();
}

export async function clearHandPicks(): Promise<void> {
  set({ byHand: new Map() });
  await saveSelection();
}

/** Null lets the focus follow the best image again. */
export function focusOn(focus: Focus | null): void {
  set({ focus, pinned: focus !== null });
}

/** The best image of the first prompt. */
function firstOf(picks: PickMap): Focus | null {
  const [first] = mapToPicks(picks);
  return first ?? null;
}

async function saveSelection(): Promise<void> {
  const { runId, round, ranking } = get();
  if (runId === null) return;
  const picks = picksOf(get());
  set({
    stored: new Map(get().stored).set(round, picks),
    storedRankings: new Map(get().storedRankings).set(round, ranking),
  });
  const standing = await attempt(() =>
    engineClient().call('setSelection', { runId, round, picks: mapToPicks(picks), ranking }),
  );
  // A run that was trained on another selection goes back to training.
  if (standing !== null) adoptStanding(runId, standing);
}
