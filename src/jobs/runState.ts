/** Everything the page needs to show a run again, from what is stored. */

import type { CandidateRecord, StoppedRecord } from '../contract/events.ts';
import type { RunState, RunSummary } from '../contract/runTypes.ts';
import { chosenMethod } from '../methods/registry.ts';
import { planPrompts } from '../planning/promptPlan.ts';
import type { Backing } from '../storage/backing.ts';
import { runLock } from '../storage/locks.ts';
import type { RunHead, RunRecord, ScoreEntry } from '../storage/runRecord.ts';
import { openRunStore, type RunStore } from '../storage/runStore.ts';
import { listRunRecords, runSizeBytes } from '../storage/runs.ts';
import { byCandidate } from './earlyStop.ts';
import { candidateKey, scoresOfRound } from './rankPool.ts';
import { latestTrained, loadBest, ofVersion, selectionInForce } from './trained.ts';

/** What lists show of a run. */
export async function summarize(backing: Backing, head: RunHead): Promise<RunSummary> {
  const { id, name, createdAt, updatedAt, stage, round, progress } = head;
  return {
    id,
    name,
    createdAt,
    updatedAt,
    status: head.status,
    stage,
    round,
    progress,
    sizeBytes: await runSizeBytes(backing, id),
  };
}

/**
 * Newest first. A run that was working when its tab closed is shown as paused: nobody works on it now. One that is
 * worked on in any tab holds its lock and is running.
 */
export async function listSummaries(backing: Backing): Promise<readonly RunSummary[]> {
  const { runs } = await listRunRecords(backing);
  const locks = await backing.locks.heldNames();
  return Promise.all(
    runs.map(async (head) => {
      const summary = await summarize(backing, head);
      return head.status === 'running' && !locks.has(runLock(head.id))
        ? { ...summary, status: 'paused' as const }
        : summary;
    }),
  );
}

/** Runs whose records are gone and whose files are there. */
export async function listLost(backing: Backing): Promise<readonly RunSummary[]> {
  const { lost } = await listRunRecords(backing);
  return Promise.all(lost.map((head) => summarize(backing, head)));
}

/**
 * @param version of the current round's results; the one in force by default
 * @throws StudioError `run-missing`, `run-unreadable` or `run-open-elsewhere`
 */
export async function loadRunState(backing: Backing, id: string, version?: number): Promise<RunState> {
  const store = openRunStore(backing, id);
  const record = await store.load();
  // Opening a pool repairs it and adds what was wrong to the record.
  const candidates = await storedCandidates(store, record);
  const [train, validation] = [await store.series.load('train'), await store.series.load('validation')];
  const stopped = await storedStopped(store, record);
  await markIncomplete(backing, store, record, candidates.length + stopped.length);
  const { selections, evaluations, ...head } = await store.load();
  const rounds = [...new Set(selections.map((s) => s.round))];
  const shown = rounds.flatMap((round) => {
    const asked = selections.find((s) => round === head.round && s.round === round && s.version === version);
    return asked ?? selectionInForce({ selections }, round) ?? [];
  });
  const isShown = (r: { readonly version: number; readonly round: number }): boolean =>
    shown.some((s) => s.version === r.version && s.round === r.round);
  const stored = await store.checkpoints.list();
  const previews = await store.previews.load(isShown);
  return {
    summary: await summarize(backing, head),
    spec: record.spec,
    heldOut: record.heldOut,
    candidates,
    stopped,
    selections: shown,
    versions: selections.map(({ picks, ...s }) => ({
      ...s,
      images: picks.length,
      steps: ofVersion(stored, s)[0]?.step ?? 0,
      evaluated: evaluations.some((e) => e.version === s.version && e.round === s.round),
    })),
    train: train.filter(isShown),
    validation: validation.filter(isShown),
    evaluations: evaluations.filter(isShown),
    previews,
    // All that was found by now.
    warnings: (await store.load()).warnings,
  };
}

/** Marks a finished run of which something is damaged or gone as one that can go on. */
async function markIncomplete(
  backing: Backing,
  store: RunStore,
  record: RunRecord,
  settled: number,
): Promise<void> {
  if (record.status !== 'done' || (await backing.locks.heldNames()).has(runLock(store.id))) return;
  const { spec, round } = record;
  const wanted = planPrompts(spec).length * spec.selection.candidates * (round + 1);
  const trained = await latestTrained(store, record);
  const isTrained = trained === null || (await loadBest(store, trained)) !== null;
  const trains = chosenMethod(spec.method).method.stages.includes('train');
  if (settled >= wanted && isTrained && (trained !== null || !trains)) return;
  await store.warn([
    {
      code: 'run-incomplete',
      message: 'Images or training states of this run are damaged or gone.',
      remedy: 'Continue the run: what is missing is computed again, to the same numbers.',
      where: store.id,
    },
  ]);
  await store.save({ status: 'paused' });
}

/** Candidates of all rounds that were stopped early. */
async function storedStopped(store: RunStore, { spec }: RunRecord): Promise<readonly StoppedRecord[]> {
  const records = await store.series.load('stopped');
  return Array.from({ length: spec.selection.rounds }, (_, round) => [
    ...byCandidate(records, round).values(),
  ]).flat();
}

/** Candidates of all rounds as far as they are drawn. */
async function storedCandidates(store: RunStore, record: RunRecord): Promise<readonly CandidateRecord[]> {
  const entries: readonly ScoreEntry[] = await store.series.load('scores');
  const records: CandidateRecord[] = [];
  for (let round = 0; round < record.spec.selection.rounds; round++) {
    const lease = await store.pools.leaseStored(round);
    if (lease === null) break;
    const pool = lease.log;
    try {
      const scores = scoresOfRound(entries, round);
      const { timesteps } = pool.header;
      for (const { prompt, candidate, seed } of pool.entries()) {
        const scored = scores.get(candidateKey(prompt, candidate));
        if (scored === undefined) continue;
        const trace = { t: timesteps, squaredDifference: [...pool.trace({ prompt, candidate })] };
        const { score, standardError, metrics } = scored;
        records.push({ round, prompt, candidate, seed, trace, score, standardError, metrics });
      }
    } finally {
      lease.close();
    }
  }
  return records;
}
